/**
 * `$validate-code`: whether a code is in a value set, or in a code system. https://hl7.org/fhir/R4/valueset-operation-validate-code.html
 */
import { failure } from '../fhir/outcome.ts';
import { isObject, type JsonObject } from '../fhir/resource.ts';
import { splitCanonical } from '../interactions/canonical.ts';
import { keptMembership } from '../interactions/code-sets.ts';
import { conceptsIn } from '../interactions/concepts.ts';
import type { Answer, Call, Context, Operation } from '../interactions/context.ts';
import { TermLookup } from '../interactions/term-source.ts';
import { type ConceptDetail, type Concepts, hasConcepts } from '../terminology/concepts.ts';
import { versioned } from '../terminology/expand.ts';
import { objects, text } from '../terminology/json.ts';
import { type Membership, membershipIn, takesVersion } from '../terminology/membership.ts';
import { shorten } from '../terminology/shorten.ts';
import { Work } from '../terminology/work.ts';
import { type DeclaredInputs, type Inputs, readInputs } from './inputs.ts';
import {
  answerParameters,
  asOperation,
  checkDate,
  codingsOf,
  displayIn,
  instanceOf,
  type Named,
  type OutParameter,
  refuseSupplement,
  valueSetMeant,
} from './terminology.ts';

const common: DeclaredInputs = {
  url: { type: 'text' },
  code: { type: 'text' },
  display: { type: 'text' },
  coding: { type: 'Coding' },
  codeableConcept: { type: 'CodeableConcept' },
  date: { type: 'text' },
  abstract: { type: 'boolean' },
  displayLanguage: { type: 'language' },
};

const ofValueSet: DeclaredInputs = {
  ...common,
  context: { type: 'text' },
  valueSet: { type: 'ValueSet' },
  valueSetVersion: { type: 'text' },
  system: { type: 'text' },
  systemVersion: { type: 'text' },
};

const ofCodeSystem: DeclaredInputs = { ...common, codeSystem: { type: 'CodeSystem' }, version: { type: 'text' } };

/** 200 with `result`, and why it is false. */
export const validateCodeInValueSet: Operation = {
  name: '$validate-code',
  definition: 'http://hl7.org/fhir/OperationDefinition/ValueSet-validate-code',
  levels: ['type', 'instance'],
  types: ['ValueSet'],
  affectsState: false,
  run: (context, call) => asOperation(() => inValueSet(context, call)),
};

/** 200 with `result`, and why it is false. */
export const validateCodeInCodeSystem: Operation = {
  name: '$validate-code',
  definition: 'http://hl7.org/fhir/OperationDefinition/CodeSystem-validate-code',
  levels: ['type', 'instance'],
  types: ['CodeSystem'],
  affectsState: false,
  run: (context, call) => asOperation(() => inCodeSystem(context, call)),
};

/** A code to look at; `system` '' where none was given. */
interface Asked {
  readonly system: string;
  readonly version: string;
  readonly code: string;
  readonly display: string | undefined;
}

interface Verdict {
  readonly result: boolean;
  readonly message?: string;
  readonly display?: string;
}

/** The codes of a call, in one of the three ways. Throws 400 without one, or with several. */
function askedIn(inputs: Inputs, version: string | undefined): readonly Asked[] {
  const [code, coding, concept] = [inputs.text('code'), inputs.object('coding'), inputs.object('codeableConcept')];
  if (code === undefined && inputs.has('display')) {
    throw failure(400, 'invalid', 'display goes with code; a coding has its own.');
  }
  if ([code, coding, concept].filter((each) => each !== undefined).length !== 1) {
    throw failure(400, 'required', 'Give one of code (with system), coding and codeableConcept.');
  }
  if (code !== undefined) {
    const system = inputs.text('system') ?? '';
    return [{ system, version: version ?? '', code, display: inputs.text('display') }];
  }
  return (coding === undefined ? codingsOf(concept ?? {}) : [coding]).map((each) => ({
    system: text(each.system),
    version: text(each.version) || (version ?? ''),
    code: text(each.code),
    display: text(each.display) || undefined,
  }));
}

function answerOf(verdicts: readonly Verdict[]): Answer {
  const best = verdicts.find(({ result }) => result) ?? verdicts[0];
  const messages = verdicts.flatMap(({ message }) => message ?? []);
  const result = best?.result ?? false;
  const message = verdicts.length === 0 ? 'The CodeableConcept has no coding.' : messages.join(' ');
  const parameters: OutParameter[] = [{ name: 'result', valueBoolean: result }];
  if (message !== '') parameters.push({ name: 'message', valueString: message });
  if (best?.display !== undefined && best.display !== '') {
    parameters.push({ name: 'display', valueString: best.display });
  }
  return answerParameters(parameters);
}

async function inValueSet(context: Context, call: Call): Promise<Answer> {
  const inputs = readInputs(context, call, ofValueSet);
  checkDate(context, inputs);
  const meant = await valueSetMeant(context, call, inputs);
  const asked = askedIn(inputs, inputs.text('systemVersion'));
  const lookup = new TermLookup(context);
  const name = nameOf(meant);
  const membership = await membershipFor(context, meant, name, lookup);
  if (membership === undefined) {
    throw failure(404, 'not-found', `There is no ${name} here; store it, or send it as valueSet.`);
  }
  const words = async (system: string, code: string): Promise<string | undefined> => {
    const resource = 'resource' in meant ? meant.resource : await lookup.source().valueSet(meant.canonical);
    return displayOf(resource, system, code);
  };
  const verdicts: Verdict[] = [];
  for (const each of asked) {
    if (each.system === '' && asked.length > 1) {
      // Another coding may be valid.
      verdicts.push({ result: false, message: noSystem });
      continue;
    }
    const system = each.system === '' ? await systemOf(membership, each.code, inputs) : each.system;
    const versions = membership.versions(system);
    const taking = takesVersion(membership, system, each.version);
    if (!taking && (await membership.has(system, each.code, each.version)) === false) {
      const taken = [...(versions ?? [])].map(shorten).join(' and ');
      const message = `The ${name} takes codes of version ${taken} of ${shorten(system)}, not of ${shorten(each.version)}.`;
      verdicts.push({ result: false, message });
      continue;
    }
    // What a code means is said by the version that it is taken from.
    const [own = '', another] = versions ?? [];
    const version = each.version === '' && another === undefined ? own : each.version;
    const found = await lookup.codeSystem(versioned(system, version));
    const other = found === undefined && each.version !== '' ? await lookup.codeSystem(system) : undefined;
    if (other !== undefined && hasConcepts(other.concepts)) {
      const message = `There is no version ${shorten(each.version)} of ${shorten(system)} here.`;
      verdicts.push({ result: false, message });
      continue;
    }
    const concepts = found !== undefined && hasConcepts(found.concepts) ? found.concepts : undefined;
    const concept = await concepts?.get(each.code);
    const one = { ...each, system };
    const known = await membership.has(system, concept?.code ?? each.code, each.version);
    if (known === true) {
      const verdict = await described(one, concept, inputs, words);
      // A code that the set lists is in it all the same.
      const lacking = version !== '' && concepts === undefined;
      const naming = each.version === '' ? `the ${name}` : 'the code';
      const message = `Version ${shorten(version)} of ${shorten(system)}, which ${naming} names, is not here.`;
      verdicts.push(lacking ? { ...verdict, message: [verdict.message ?? [], message].flat().join(' ') } : verdict);
    } else verdicts.push(refused(one, concepts, concept, known, name, membership));
  }
  return answerOf(verdicts);
}

function nameOf(meant: Named): string {
  const canonical = 'canonical' in meant ? meant.canonical : text(meant.resource.url);
  return canonical === '' ? 'value set' : `value set ${shorten(canonical)}`;
}

function membershipFor(
  context: Context,
  meant: Named,
  name: string,
  lookup: TermLookup,
): Promise<Membership | undefined> {
  if ('canonical' in meant) return keptMembership(context, meant.canonical, lookup);
  return membershipIn(meant.resource, `the ${name}`, lookup.source(), new Work(name));
}

/** The system of a code that comes without one: R4 lets a context say it. Throws 400 where nothing does. */
async function systemOf(membership: Membership, code: string, inputs: Inputs): Promise<string> {
  if (!inputs.has('context'))
    throw failure(400, 'required', 'Give the system of the code; only with context it may be left out.');
  const having: string[] = [];
  for (const system of membership.systems) if ((await membership.has(system, code)) === true) having.push(system);
  const [only = '', another] = having;
  if (another === undefined) return only;
  throw failure(422, 'multiple-matches', `The code is in ${having.map(shorten).join(' and ')}: give its system.`);
}

/** What the value set itself calls a code that it lists. */
function displayOf(resource: JsonObject | undefined, system: string, code: string): string | undefined {
  const compose = isObject(resource?.compose) ? resource.compose : {};
  for (const include of objects(compose.include)) {
    if (text(include.system) !== system) continue;
    const listed = objects(include.concept).find((each) => text(each.code) === code);
    if (listed !== undefined && text(listed.display) !== '') return text(listed.display);
  }
  return undefined;
}

/** A code that is in the set: whether it may be used as it was given. */
async function described(
  asked: Asked,
  concept: ConceptDetail | undefined,
  inputs: Inputs,
  words: (system: string, code: string) => Promise<string | undefined>,
): Promise<Verdict> {
  const preferred = concept && displayIn(concept, inputs.text('displayLanguage'));
  const known = [concept?.display, ...(concept?.designations ?? []).map(({ value }) => value)];
  const given = asked.display;
  const fits = (display: string | undefined) => display !== undefined && sameText(display, given ?? '');
  const fitting = given === undefined || known.some(fits);
  const own = fitting && preferred !== undefined ? undefined : await words(asked.system, asked.code);
  const display = preferred || own;
  const told = display === undefined ? {} : { display };
  if (concept?.abstract === true && inputs.flag('abstract') !== true) {
    const message = `The code ${shorten(asked.code)} is abstract: it groups others and is not to be chosen itself.`;
    return { result: false, message, ...told };
  }
  // Without any display there is nothing to compare with.
  if (!fitting && !fits(own) && display !== undefined) {
    return { result: false, message: `The display "${shorten(given ?? '')}" is not that of the code.`, ...told };
  }
  if (concept?.inactive === true) {
    return { result: true, message: `The code ${shorten(asked.code)} is inactive.`, ...told };
  }
  return { result: true, ...told };
}

function refused(
  { system, version, code }: Asked,
  concepts: Concepts | undefined,
  concept: ConceptDetail | undefined,
  known: boolean | undefined,
  name: string,
  membership: Membership,
): Verdict {
  const what = `The code ${shorten(code)} of ${shorten(versioned(system, version)) || 'no system'}`;
  if (concepts !== undefined && concept === undefined && concepts.content === 'complete') {
    return { result: false, message: `${what} doesn't exist.` };
  }
  const told = concept === undefined || concept.display === '' ? {} : { display: concept.display };
  if (known === false) return { result: false, message: `${what} is not in the ${name}.`, ...told };
  const why = membership.lacking.length === 0 ? '' : ` (${membership.lacking.slice(0, 3).join('; ')})`;
  return {
    result: false,
    message: `Whether ${what.replace('The', 'the')} is in the ${name} can't be told here${why}.`,
    ...told,
  };
}

async function inCodeSystem(context: Context, call: Call): Promise<Answer> {
  const inputs = readInputs(context, call, ofCodeSystem);
  checkDate(context, inputs);
  const asked = askedIn(inputs, inputs.text('version'));
  const [named, namedVersion] = splitCanonical(inputs.text('url') ?? '');
  const ways = [await instanceOf(context, call), inputs.object('codeSystem')].filter((each) => each !== undefined);
  const [given] = ways;
  if (ways.length + (named === '' ? 0 : 1) > 1) {
    throw failure(400, 'invalid', 'Name one code system: by url, in codeSystem, or in the path (CodeSystem/id).');
  }
  if (given !== undefined) refuseSupplement(given);
  const own = given && (await conceptsIn(context, given));
  const lookup = new TermLookup(context);
  const verdicts: Verdict[] = [];
  for (const each of asked) {
    const url = given === undefined ? named || each.system : text(given.url);
    // The version of a coding is one of its own system.
    const ofUrl = each.system === '' || each.system === url;
    const canonical = versioned(url, (ofUrl ? each.version : inputs.text('version')) || (namedVersion ?? ''));
    const found = own !== undefined && hasConcepts(own) ? own : ((await lookup.codeSystem(canonical))?.concepts ?? own);
    if (found !== undefined) {
      verdicts.push(await ofSystem({ ...each, system: each.system === '' ? url : each.system }, url, found, inputs));
    } else if (asked.length > 1) {
      // Another coding may be valid.
      const message = url === '' ? noSystem : `There is no code system ${shorten(canonical)} here.`;
      verdicts.push({ result: false, message });
    } else if (url === '') {
      throw failure(400, 'required', 'Name the code system: by url, by the system of the coding, or in the path.');
    } else throw failure(404, 'not-found', `There is no code system ${shorten(canonical)} here.`);
  }
  return answerOf(verdicts);
}

const noSystem = 'A coding has no system.';

async function ofSystem(asked: Asked, url: string, concepts: Concepts, inputs: Inputs): Promise<Verdict> {
  if (asked.system !== url) {
    return { result: false, message: `The coding is of ${shorten(asked.system)}, not of ${shorten(url)}.` };
  }
  const concept = await concepts.get(asked.code);
  if (concept !== undefined) return described(asked, concept, inputs, async () => undefined);
  const what = `the code ${shorten(asked.code)} of ${shorten(url)}`;
  if (concepts.content === 'complete') return { result: false, message: `There is no ${what.slice(4)}.` };
  const message = `Whether there is ${what} can't be told here: its content is ${shorten(concepts.content)}.`;
  return { result: false, message };
}

/** Whether displays are the same but for case and white space. */
function sameText(one: string, other: string): boolean {
  const form = (value: string) => value.trim().replace(/\s+/g, ' ').toLowerCase();
  return form(one) === form(other);
}
