/** `ValueSet/$expand`: the codes of a value set. https://hl7.org/fhir/R4/valueset-operation-expand.html */
import { formatInstant } from '../fhir/instant.ts';
import { failure, OutcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/resource.ts';
import { splitCanonical } from '../interactions/canonical.ts';
import type { Answer, Call, Context, Operation } from '../interactions/context.ts';
import { TermLookup } from '../interactions/term-source.ts';
import { wordsIn } from '../search/words.ts';
import type { Designation } from '../terminology/concepts.ts';
import type { TermSource } from '../terminology/contents.ts';
import { versioned } from '../terminology/expand.ts';
import { type Entry, type Expansion, expansionOf } from '../terminology/expansion.ts';
import { text } from '../terminology/json.ts';
import { shorten } from '../terminology/shorten.ts';
import { Work } from '../terminology/work.ts';
import { type DeclaredInputs, type Inputs, readInputs } from './inputs.ts';
import { answerWith, asOperation, checkDate, displayIn, isLanguage, valueSetMeant } from './terminology.ts';

const declared: DeclaredInputs = {
  url: { type: 'text' },
  valueSet: { type: 'ValueSet' },
  valueSetVersion: { type: 'text' },
  context: { type: 'text' },
  contextDirection: { type: 'text' },
  filter: { type: 'text' },
  date: { type: 'text' },
  offset: { type: 'count' },
  count: { type: 'count' },
  includeDesignations: { type: 'boolean' },
  designation: { type: 'text', many: true },
  includeDefinition: { type: 'boolean' },
  activeOnly: { type: 'boolean' },
  excludeNested: { type: 'boolean' },
  excludeNotForUI: { type: 'boolean' },
  excludePostCoordinated: { type: 'boolean' },
  displayLanguage: { type: 'language' },
  'exclude-system': { type: 'text', many: true },
  'system-version': { type: 'text', many: true },
  'check-system-version': { type: 'text', many: true },
  'force-system-version': { type: 'text', many: true },
};

/** Without `count` an expansion has at most this many codes; with it, a page. */
const mostCodes = 10_000;

/** 200 with the ValueSet and its expansion, or a page of it. */
export const expand: Operation = {
  name: '$expand',
  definition: 'http://hl7.org/fhir/OperationDefinition/ValueSet-expand',
  levels: ['type', 'instance'],
  types: ['ValueSet'],
  affectsState: false,
  run: (context, call) => asOperation(() => run(context, call)),
};

async function run(context: Context, call: Call): Promise<Answer> {
  const inputs = readInputs(context, call, declared);
  checkDate(context, inputs);
  const meant = await valueSetMeant(context, call, inputs);
  const lookup = new TermLookup(context);
  const sets = lookup.source();
  const resource = 'resource' in meant ? meant.resource : await sets.valueSet(meant.canonical);
  if (resource === undefined) {
    const canonical = 'canonical' in meant ? meant.canonical : '';
    throw failure(
      404,
      'not-found',
      `There is no value set ${shorten(canonical)} here; store it, or send it as valueSet.`,
    );
  }
  const url = text(resource.url);
  const name = url === '' ? 'the value set' : `the value set ${shorten(url)}`;
  const offset = inputs.count('offset') ?? 0;
  const expansion = await expanded(resource, name, {
    source: withVersions(sets, inputs),
    work: new Work(name),
    wordsOf: wordsIn,
    wanted: {
      text: inputs.text('filter'),
      activeOnly: inputs.flag('activeOnly') ?? false,
      selectableOnly: inputs.flag('excludeNotForUI') ?? false,
      withoutSystems: inputs.texts('exclude-system'),
      offset,
      count: pageSize(inputs),
      most: mostCodes,
    },
  });
  const contains = expansion.entries.map((entry) => containedOf(entry, inputs));
  const paged = inputs.has('offset') || inputs.has('count');
  const nested = inputs.flag('excludeNested') === false && !paged && !inputs.has('filter');
  return answerWith({
    ...(inputs.flag('includeDefinition') === true ? resource : withoutDefinition(resource)),
    expansion: {
      identifier: `urn:uuid:${crypto.randomUUID()}`,
      timestamp: formatInstant(context.clock()),
      total: expansion.total,
      ...(paged && { offset }),
      ...parametersOf(inputs, expansion),
      ...(contains.length > 0 && { contains: nested ? nest(expansion.entries, contains) : contains }),
    },
  });
}

/** Throws 422 `not-found` where a value set that it imports isn't here: the one that was asked for is. */
async function expanded(...[resource, name, making]: Parameters<typeof expansionOf>): Promise<Expansion> {
  try {
    return await expansionOf(resource, name, making);
  } catch (error) {
    if (!(error instanceof OutcomeError) || error.issues[0]?.code !== 'not-found') throw error;
    throw failure(422, 'not-found', `${name} can't be expanded: ${error.message}`.replace(/^t/, 'T'));
  }
}

/** A page has no more codes than an expansion. */
function pageSize(inputs: Inputs): number | undefined {
  const count = inputs.count('count');
  return count && Math.min(count, mostCodes);
}

/** Looks at the versions of code systems that the parameters ask for. */
function withVersions(source: TermSource, inputs: Inputs): TermSource {
  const versionsOf = (name: string): ReadonlyMap<string, string> =>
    new Map(
      inputs.texts(name).map((canonical) => {
        const [url, version] = splitCanonical(canonical);
        if (version === undefined) throw failure(400, 'value', `${name} must be system|version.`);
        return [url, version];
      }),
    );
  const [preset, checked, forced] = ['system-version', 'check-system-version', 'force-system-version'].map(versionsOf);
  return {
    ...source,
    codeSystem: async (canonical) => {
      const [url, own] = splitCanonical(canonical);
      const version = forced?.get(url) ?? own ?? preset?.get(url) ?? checked?.get(url) ?? '';
      const found = await source.codeSystem(versioned(url, version));
      const expected = checked?.get(url);
      if (expected === undefined || version === expected) return found;
      const text = `check-system-version: the version of ${shorten(url)} is ${shorten(version)}, not ${shorten(expected)}.`;
      throw failure(422, 'business-rule', text);
    },
  };
}

function containedOf({ system, concept }: Entry, inputs: Inputs): JsonObject {
  const { code, abstract, inactive, designations = [] } = concept;
  const display = displayIn(concept, inputs.text('displayLanguage'));
  const told = inputs.flag('includeDesignations') === true || inputs.has('designation') ? designations : [];
  const wanted = inputs.texts('designation');
  const chosen = wanted.length === 0 ? told : told.filter((each) => wanted.some((token) => isMeant(each, token)));
  return {
    ...(system !== '' && { system }),
    ...(abstract === true && { abstract }),
    ...(inactive === true && { inactive }),
    code,
    ...(display !== '' && { display }),
    ...(chosen.length > 0 && { designation: chosen.map(designationOf) }),
  };
}

/** `system|code` or a code alone: of a use, or a language. */
function isMeant(designation: Designation, token: string): boolean {
  const [system, code] = splitCanonical(token);
  const wanted = code ?? system;
  if (isLanguage(designation, wanted) && (code === undefined || system === 'urn:ietf:bcp:47')) return true;
  return designation.use?.code === wanted && (code === undefined || designation.use.system === system);
}

function designationOf({ value, language, use }: Designation): JsonObject {
  return { ...(language !== undefined && { language }), ...(use !== undefined && { use: { ...use } }), value };
}

/** What tells which value set it is, without what it is made of. */
function withoutDefinition(resource: JsonObject): JsonObject {
  const { compose, expansion, text: narrative, contained, ...others } = resource;
  void [compose, expansion, narrative, contained];
  return others;
}

const elementOf: Readonly<Record<string, string>> = { date: 'valueDateTime', displayLanguage: 'valueCode' };

/** What the codes depend on: `parameter` of the expansion. */
function parametersOf(inputs: Inputs, { used, supplements }: Expansion): JsonObject {
  const parameter: JsonObject[] = [];
  for (const [name, { type }] of Object.entries(declared)) {
    if (name === 'url' || name.startsWith('valueSet') || name.startsWith('context')) continue;
    const [flag, count] = [inputs.flag(name), name === 'count' ? pageSize(inputs) : inputs.count(name)];
    if (flag !== undefined) parameter.push({ name, valueBoolean: flag });
    if (count !== undefined) parameter.push({ name, valueInteger: count });
    const value = elementOf[name] ?? (/(?:system|version)$/.test(name) ? 'valueUri' : 'valueString');
    if (type === 'text' || type === 'language')
      for (const each of inputs.texts(name)) parameter.push({ name, [value]: each });
  }
  for (const canonical of used) parameter.push({ name: 'version', valueUri: canonical });
  for (const canonical of supplements) parameter.push({ name: 'used-supplement', valueUri: canonical });
  return parameter.length === 0 ? {} : { parameter };
}

/** Codes below the first of their parents that is there, too. */
function nest(entries: readonly Entry[], contains: readonly JsonObject[]): readonly JsonObject[] {
  const keyOf = (system: string, code: string) => `${system}|${code}`;
  const byKey = new Map(entries.map(({ system, concept }, index) => [keyOf(system, concept.code), index]));
  const parents = entries.map(({ system, concept }) =>
    concept.parents.map((parent) => byKey.get(keyOf(system, parent))).find((index) => index !== undefined),
  );
  const children = new Map<number, number[]>();
  const roots: number[] = [];
  for (const [index, parent] of parents.entries()) {
    if (parent === undefined || circles(index, parents)) {
      roots.push(index);
      continue;
    }
    const siblings = children.get(parent) ?? [];
    children.set(parent, siblings);
    siblings.push(index);
  }
  const made = (index: number): JsonObject => {
    const below = children.get(index);
    return { ...contains[index], ...(below !== undefined && { contains: below.map(made) }) };
  };
  return roots.map(made);
}

/** Whether the way up leads back to where it begins. */
function circles(start: number, parents: readonly (number | undefined)[]): boolean {
  const seen = new Set<number>();
  for (let at = parents[start]; at !== undefined && !seen.has(at); at = parents[at]) {
    if (at === start) return true;
    seen.add(at);
  }
  return false;
}
