/** `ConceptMap/$translate`: a code in another system. https://hl7.org/fhir/R4/conceptmap-operation-translate.html */
import { failure } from '../fhir/outcome.ts';
import { isObject, type JsonObject } from '../fhir/resource.ts';
import { findCanonical } from '../interactions/canonical.ts';
import { mapsFrom } from '../interactions/concept-maps.ts';
import type { Answer, Call, Context, Operation } from '../interactions/context.ts';
import {
  type Beside,
  type Coded,
  type Match,
  type Translation,
  translate as translated,
} from '../terminology/concept-map.ts';
import { objects, text } from '../terminology/json.ts';
import { shorten } from '../terminology/shorten.ts';
import { type DeclaredInputs, type Inputs, readInputs } from './inputs.ts';
import { answerParameters, asOperation, canonicalOf, codingsOf, instanceOf, type OutParameter } from './terminology.ts';

const declared: DeclaredInputs = {
  url: { type: 'text' },
  conceptMap: { type: 'ConceptMap' },
  conceptMapVersion: { type: 'text' },
  code: { type: 'text' },
  system: { type: 'text' },
  version: { type: 'text' },
  source: { type: 'text' },
  coding: { type: 'Coding' },
  codeableConcept: { type: 'CodeableConcept' },
  target: { type: 'text' },
  targetsystem: { type: 'text' },
  dependency: { type: 'parts', many: true },
  reverse: { type: 'boolean' },
};

/** How far maps may lead on to other maps. */
const mostSteps = 10;

/** 200 with the matches of all maps that are meant; `result` says whether any is a translation. */
export const translate: Operation = {
  name: '$translate',
  definition: 'http://hl7.org/fhir/OperationDefinition/ConceptMap-translate',
  levels: ['type', 'instance'],
  types: ['ConceptMap'],
  affectsState: false,
  run: (context, call) => asOperation(() => run(context, call)),
};

interface Told extends Match {
  /** The map that says so. */
  readonly source: string;
}

async function run(context: Context, call: Call): Promise<Answer> {
  const inputs = readInputs(context, call, declared);
  const asked = askedIn(inputs);
  const reverse = inputs.flag('reverse') ?? false;
  const named = await mapNamed(context, call, inputs);
  const matches: Told[] = [];
  for (const from of asked) {
    const maps = named === undefined ? await mapsFrom(context, from.system, reverse) : [named];
    const translation: Translation = {
      from,
      targetSystem: inputs.text('targetsystem'),
      reverse,
      dependencies: inputs.objects('dependency').flatMap(dependenciesOf),
    };
    for (const map of maps) {
      if (!isBetween(map, inputs.text('source'), inputs.text('target'), reverse)) continue;
      matches.push(...(await follow(context, map, translation)));
    }
  }
  const result = matches.some(({ equivalence, concept }) => concept !== undefined && !isNone(equivalence));
  return answerParameters([
    { name: 'result', valueBoolean: result },
    ...messageOf(result, matches),
    ...matches.map(matchOf),
  ]);
}

function isNone(equivalence: string): boolean {
  return equivalence === 'unmatched' || equivalence === 'disjoint';
}

function messageOf(result: boolean, matches: readonly Told[]): readonly OutParameter[] {
  const comments = matches.flatMap(({ comment }) => comment ?? []);
  if (comments.length > 0) return [{ name: 'message', valueString: comments.join(' ') }];
  return result ? [] : [{ name: 'message', valueString: 'No map that is here has a translation of the code.' }];
}

/** The map of the path, of `url` or in `conceptMap`; undefined: all that fit are asked. Throws 400 for several, 404 for an unknown one. */
async function mapNamed(context: Context, call: Call, inputs: Inputs): Promise<JsonObject | undefined> {
  const given = [await instanceOf(context, call), inputs.object('conceptMap')].filter((each) => each !== undefined);
  const url = inputs.text('url');
  if (given.length + (url === undefined ? 0 : 1) > 1) {
    throw failure(400, 'invalid', 'Name one map: by url, in conceptMap, or in the path (ConceptMap/id).');
  }
  if (url === undefined) return given[0];
  const canonical = canonicalOf(url, inputs.text('conceptMapVersion'));
  const found = await findCanonical(context, 'ConceptMap', canonical);
  if (found === undefined) throw failure(404, 'not-found', `There is no concept map ${shorten(canonical)} here.`);
  return found.content();
}

function askedIn(inputs: Inputs): readonly Coded[] {
  const [code, coding, concept] = [inputs.text('code'), inputs.object('coding'), inputs.object('codeableConcept')];
  if ([code, coding, concept].filter((each) => each !== undefined).length !== 1) {
    throw failure(400, 'required', 'Give one of code (with system), coding and codeableConcept.');
  }
  const version = inputs.text('version');
  const codings: readonly JsonObject[] =
    code === undefined
      ? coding === undefined
        ? codingsOf(concept ?? {})
        : [coding]
      : [{ code, system: inputs.text('system') }];
  return codings.map((each) => {
    const [system, own] = [text(each.system), text(each.version) || version];
    if (system === '') throw failure(400, 'required', 'Give the system of the code.');
    return { system, code: text(each.code), ...(own !== undefined && { version: own }) };
  });
}

/** Whether a map is from one value set to the other, where they are named; `reverse` swaps their meaning. */
function isBetween(map: JsonObject, source: string | undefined, target: string | undefined, reverse: boolean): boolean {
  const [from, to] = reverse ? [target, source] : [source, target];
  return isSet(from, map.sourceUri ?? map.sourceCanonical) && isSet(to, map.targetUri ?? map.targetCanonical);
}

function isSet(wanted: string | undefined, has: JsonObject[string]): boolean {
  if (wanted === undefined) return true;
  const own = text(has);
  return own === wanted || own.split('|')[0] === wanted;
}

/** What a map says, or where it has nothing the maps that it leads on to. */
async function follow(context: Context, start: JsonObject, asked: Translation): Promise<readonly Told[]> {
  const matches: Told[] = [];
  const waiting = [start];
  const seen = new Set<string>();
  for (let steps = 0; steps < mostSteps; steps += 1) {
    const map = waiting.shift();
    if (map === undefined) break;
    const { matches: found, others } = translated(map, asked);
    matches.push(...found.map((each) => ({ ...each, source: text(map.url) })));
    for (const canonical of others) {
      if (seen.has(canonical)) continue;
      seen.add(canonical);
      const other = await findCanonical(context, 'ConceptMap', canonical);
      if (other !== undefined) waiting.push(other.content());
    }
  }
  return matches;
}

/** The codings that a `dependency` parameter gives for its element. */
function dependenciesOf({ part }: JsonObject): readonly Beside[] {
  const parts = objects(part);
  const element = parts.find(({ name }) => name === 'element');
  const concept = parts.find(({ name }) => name === 'concept')?.valueCodeableConcept;
  return codingsOf(isObject(concept) ? concept : {}).map(({ system, code }) => ({
    property: text(element?.valueUri),
    system: text(system),
    value: text(code),
  }));
}

function matchOf({ equivalence, concept, products, source }: Told): OutParameter {
  return {
    name: 'match',
    part: [
      { name: 'equivalence', valueCode: equivalence },
      ...(concept === undefined ? [] : [{ name: 'concept', valueCoding: codingOf(concept) }]),
      ...products.map(({ property, system, value, display }) => ({
        name: 'product',
        part: [
          { name: 'element', valueUri: property },
          {
            name: 'concept',
            valueCoding: codingOf({ system, code: value, ...(display !== undefined && { display }) }),
          },
        ],
      })),
      ...(source === '' ? [] : [{ name: 'source', valueUri: source }]),
    ],
  };
}

function codingOf({ system, version, code, display }: Coded): JsonObject {
  return {
    ...(system !== '' && { system }),
    ...(version !== undefined && { version }),
    code,
    ...(display !== undefined && { display }),
  };
}
