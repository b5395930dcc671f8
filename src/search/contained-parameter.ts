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

/** A searched type, which `_contained` turns into others. */
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

/** The types of what such a search answers with. */
export function shownTypes(
  types: readonly string[],
  containment: Containment | undefined,
  definitions: Definitions,
): readonly string[] {
  if (containment?.shown !== 'container') return types;
  const containers = [...definitions.resourceTypes].filter((type) => mayContain(type, definitions));
  return containment.contained === 'both' ? [...new Set([...containers, ...types])] : containers;
}

/**
 * The parts of a search of contained resources: by themselves, or the resources that contain them. Throws 400 for what is
 * sorted by what it doesn't have.
 */
export function containedParts(
  parts: readonly Part[],
  { contained, shown }: Containment,
  definitions: Definitions,
): readonly Part[] {
  const [first] = parts;
  if (first === undefined) return parts;
  const { sort } = first;
  if (shown === 'contained') {
    if (sort.some(({ by }) => by === 'id'))
      throw refuse('not-supported', '_sort: contained resources have no _id; sort by another parameter.');
    const inside = parts.map((part) => ({ ...part, type: containedType(part.type) }));
    return contained === 'both' ? [...parts, ...inside] : inside;
  }
  if (sort.some(({ by }) => by !== 'id' && by !== 'lastUpdated'))
    throw refuse('not-supported', '_sort: containers sort by _id and _lastUpdated; add _containedType=contained.');
  const own = new Map(contained === 'both' ? parts.map(({ type, criterion }) => [type, criterion]) : []);
  const containing = anyOf(parts.map(({ type, criterion }) => ({ kind: 'contains', type, of: criterion })));
  return [...definitions.resourceTypes].flatMap((type): readonly Part[] => {
    const also = own.get(type);
    if (!mayContain(type, definitions)) return also === undefined ? [] : [{ type, criterion: also, sort }];
    return [{ type, criterion: also === undefined ? containing : anyOf([also, containing]), sort }];
  });
}

function anyOf(of: readonly Criterion[]): Criterion {
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind: 'or', of };
}

function mayContain(type: string, definitions: Definitions): boolean {
  return definitions.type(type)?.elements.has('contained') === true;
}
