/** `_contained` and `_containedType`: searches of contained resources. https://hl7.org/fhir/R4/search.html#contained */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import { containedType } from './contained.ts';
import type { Criterion, SortKey } from './criteria.ts';
import { refuse } from './lower/context.ts';
import { oneOf } from './result-parameters.ts';

/** What of a search's matches are contained resources, and whether they or their containers are shown. */
export interface Containment {
  readonly contained: 'true' | 'both';
  readonly shown: 'container' | 'contained';
}

/** A search of one type, which `_contained` turns into others. */
interface Part {
  readonly type: string;
  readonly criterion: Criterion;
  readonly sort: readonly SortKey[];
}

/** undefined: contained resources aren't searched. Throws 400 for what isn't one of R4's words, or would be ignored. */
export function parseContained(contained: string | undefined, shown: string | undefined): Containment | undefined {
  const wanted = oneOf('_contained', contained ?? 'false', ['true', 'false', 'both'] as const);
  const type = oneOf('_containedType', shown ?? 'container', ['container', 'contained'] as const);
  if (wanted !== 'false') return { contained: wanted, shown: type };
  if (shown === undefined) return undefined;
  throw refuse('invalid', '_containedType says what _contained=true or both answers with: add it, or leave both out.');
}

/**
 * The parts of a search of contained resources: by themselves, or the resources that contain them. Throws 400 for a search
 * of several types, and for what is sorted by what it doesn't have.
 */
export function containedParts(
  parts: readonly Part[],
  { contained, shown }: Containment,
  definitions: Definitions,
): readonly Part[] {
  const [own, ...others] = parts;
  if (own === undefined || others.length > 0)
    throw refuse('not-supported', '_contained is for one type: name it in the URL, or one in _type.');
  const { type, criterion, sort } = own;
  if (shown === 'contained') {
    if (sort.some(({ by }) => by === 'id'))
      throw refuse('not-supported', '_sort: contained resources have no _id; sort by another parameter.');
    const inside = { type: containedType(type), criterion, sort };
    return contained === 'both' ? [own, inside] : [inside];
  }
  if (sort.some(({ by }) => by !== 'id' && by !== 'lastUpdated'))
    throw refuse('not-supported', '_sort: containers sort by _id and _lastUpdated; add _containedType=contained.');
  const containing: Criterion = { kind: 'contains', type, of: criterion };
  return [...definitions.resourceTypes].flatMap((each): readonly Part[] => {
    const also = contained === 'both' && each === type;
    if (!mayContain(each, definitions)) return also ? [own] : [];
    return [{ type: each, criterion: also ? { kind: 'or', of: [criterion, containing] } : containing, sort }];
  });
}

function mayContain(type: string, definitions: Definitions): boolean {
  return definitions.type(type)?.elements.has('contained') === true;
}
