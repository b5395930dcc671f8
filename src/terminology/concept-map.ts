/** What a ConceptMap makes of a code. https://hl7.org/fhir/R4/conceptmap.html */
import type { JsonObject } from '../fhir/resource.ts';
import { objects, text } from './json.ts';

/** A code of a system; '' where there is none. */
export interface Coded {
  readonly system: string;
  readonly version?: string;
  readonly code: string;
  readonly display?: string;
}

/** Another element that a mapping depends on, or that it makes. */
export interface Beside {
  /** URI of the element. */
  readonly property: string;
  readonly system: string;
  readonly value: string;
  readonly display?: string;
}

/** One translation. */
export interface Match {
  /** https://hl7.org/fhir/R4/valueset-concept-map-equivalence.html */
  readonly equivalence: string;
  /** Absent where the map says that there is none. */
  readonly concept?: Coded;
  readonly products: readonly Beside[];
  readonly comment?: string;
}

/** What is translated. */
export interface Translation {
  readonly from: Coded;
  /** The system that a translation is looked for in; undefined: any. */
  readonly targetSystem: string | undefined;
  readonly reverse: boolean;
  /** Values of other elements, for mappings that depend on them. */
  readonly dependencies: readonly Beside[];
}

/** What a map makes of a code. */
export interface Translated {
  readonly matches: readonly Match[];
  /** Canonicals of the maps to ask where this one has nothing. */
  readonly others: readonly string[];
}

/** https://hl7.org/fhir/R4/conceptmap-definitions.html#ConceptMap.group.element.target.equivalence, looked at from the other side. */
const reversed: Readonly<Record<string, string>> = {
  wider: 'narrower',
  narrower: 'wider',
  subsumes: 'specializes',
  specializes: 'subsumes',
};

/** The translations that a map has, in its order. */
export function translate(map: JsonObject, asked: Translation): Translated {
  const matches: Match[] = [];
  const others: string[] = [];
  for (const group of objects(map.group)) {
    const found = asked.reverse ? backwards(group, asked) : forwards(group, asked);
    matches.push(...found);
    if (found.length > 0 || asked.reverse || !applies(group, asked)) continue;
    const { unmapped } = group;
    const [fallback] = objects(unmapped === undefined ? [] : [unmapped]);
    if (fallback === undefined || isMentioned(group, asked.from.code)) continue;
    if (fallback.mode === 'other-map') others.push(text(fallback.url));
    else matches.push(unmappedMatch(group, fallback, asked.from));
  }
  return { matches, others };
}

function applies({ source, sourceVersion, target }: JsonObject, { from, targetSystem }: Translation): boolean {
  if (text(source) !== '' && text(source) !== from.system) return false;
  if (from.version !== undefined && text(sourceVersion) !== '' && sourceVersion !== from.version) return false;
  return targetSystem === undefined || text(target) === targetSystem;
}

function isMentioned(group: JsonObject, code: string): boolean {
  return objects(group.element).some((element) => text(element.code) === code);
}

function forwards(group: JsonObject, asked: Translation): readonly Match[] {
  if (!applies(group, asked)) return [];
  return objects(group.element)
    .filter((element) => text(element.code) === asked.from.code)
    .flatMap((element) => objects(element.target))
    .filter((target) => objects(target.dependsOn).map(besideOf).every(isGiven(asked.dependencies)))
    .map((target) => ({
      equivalence: text(target.equivalence) || 'relatedto',
      ...(text(target.code) !== '' && { concept: codedOf(group.target, group.targetVersion, target) }),
      products: objects(target.product).map(besideOf),
      ...(text(target.comment) !== '' && { comment: text(target.comment) }),
    }));
}

/** What is mapped to the code. */
function backwards(group: JsonObject, { from, targetSystem }: Translation): readonly Match[] {
  if (text(group.target) !== '' && text(group.target) !== from.system) return [];
  if (targetSystem !== undefined && text(group.source) !== targetSystem) return [];
  return objects(group.element).flatMap((element) =>
    objects(element.target)
      .filter((target) => text(target.code) === from.code && text(element.code) !== '')
      .map((target) => {
        const equivalence = text(target.equivalence) || 'relatedto';
        return {
          equivalence: reversed[equivalence] ?? equivalence,
          concept: codedOf(group.source, group.sourceVersion, element),
          products: [],
          ...(text(target.comment) !== '' && { comment: text(target.comment) }),
        };
      }),
  );
}

/** https://hl7.org/fhir/R4/valueset-conceptmap-unmapped-mode.html: R4 has no word for how such a code is equivalent. */
function unmappedMatch(group: JsonObject, fallback: JsonObject, from: Coded): Match {
  if (fallback.mode === 'provided') {
    return {
      equivalence: 'equal',
      concept: codedOf(group.target, group.targetVersion, { code: from.code }),
      products: [],
    };
  }
  return { equivalence: 'relatedto', concept: codedOf(group.target, group.targetVersion, fallback), products: [] };
}

function codedOf(system: JsonObject[string], version: JsonObject[string], named: JsonObject): Coded {
  return {
    system: text(system),
    ...(text(version) !== '' && { version: text(version) }),
    code: text(named.code),
    ...(text(named.display) !== '' && { display: text(named.display) }),
  };
}

function besideOf({ property, system, value, display }: JsonObject): Beside {
  return {
    property: text(property),
    system: text(system),
    value: text(value),
    ...(text(display) !== '' && { display: text(display) }),
  };
}

function isGiven(given: readonly Beside[]): (needed: Beside) => boolean {
  return ({ property, system, value }) =>
    given.some(
      (each) => each.property === property && each.value === value && (system === '' || each.system === system),
    );
}
