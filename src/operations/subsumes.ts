/** `CodeSystem/$subsumes`: how two codes are related. https://hl7.org/fhir/R4/codesystem-operation-subsumes.html */
import { failure } from '../fhir/outcome.ts';
import { conceptsIn } from '../interactions/concepts.ts';
import type { Answer, Call, Context, Operation } from '../interactions/context.ts';
import { TermLookup } from '../interactions/term-source.ts';
import { type Concepts, hasConcepts } from '../terminology/concepts.ts';
import { text } from '../terminology/json.ts';
import { shorten } from '../terminology/shorten.ts';
import { type DeclaredInputs, type Inputs, readInputs } from './inputs.ts';
import { answerParameters, asOperation, canonicalOf, instanceOf, refuseSupplement } from './terminology.ts';

const declared: DeclaredInputs = {
  codeA: { type: 'text' },
  codeB: { type: 'text' },
  system: { type: 'text' },
  version: { type: 'text' },
  codingA: { type: 'Coding' },
  codingB: { type: 'Coding' },
};

/** 200 with the `outcome`; 404 for an unknown system or code. */
export const subsumes: Operation = {
  name: '$subsumes',
  definition: 'http://hl7.org/fhir/OperationDefinition/CodeSystem-subsumes',
  levels: ['type', 'instance'],
  types: ['CodeSystem'],
  affectsState: false,
  run: (context, call) => asOperation(() => run(context, call)),
};

async function run(context: Context, call: Call): Promise<Answer> {
  const inputs = readInputs(context, call, declared);
  const instance = await instanceOf(context, call);
  if (instance !== undefined) refuseSupplement(instance);
  const url = instance === undefined ? inputs.text('system') : text(instance.url);
  const [a, b] = [codeIn(inputs, 'A', url), codeIn(inputs, 'B', url)];
  if (a.system !== b.system) {
    const text = `How codes of ${shorten(a.system)} and ${shorten(b.system)} are related is not known here: give codes of one system.`;
    throw failure(422, 'not-supported', text);
  }
  if (a.version !== undefined && b.version !== undefined && a.version !== b.version) {
    const text = `How codes of versions ${shorten(a.version)} and ${shorten(b.version)} are related is not known here: give codes of one version.`;
    throw failure(422, 'not-supported', text);
  }
  // Codings may be of another system than that of the path.
  const isOwn = instance !== undefined && a.system === text(instance.url);
  const own = isOwn ? await conceptsIn(context, instance) : undefined;
  const version = inputs.text('version') ?? a.version ?? b.version;
  const canonical = canonicalOf(a.system, version);
  const concepts =
    own !== undefined && hasConcepts(own) ? own : (await new TermLookup(context).codeSystem(canonical))?.concepts;
  if (concepts === undefined) throw failure(404, 'not-found', `There is no code system ${shorten(canonical)} here.`);
  if (!hasConcepts(concepts)) {
    const text = `The code system ${shorten(canonical)} is here without its concepts (content ${shorten(concepts.content)}).`;
    throw failure(422, 'not-supported', text);
  }
  const outcome = await outcomeOf(concepts, await known(concepts, a.code), await known(concepts, b.code));
  return answerParameters([{ name: 'outcome', valueCode: outcome }]);
}

async function known(concepts: Concepts, code: string): Promise<string> {
  const found = await concepts.get(code);
  if (found !== undefined) return found.code;
  throw failure(404, 'not-found', `${shorten(concepts.url)} has no code ${shorten(code)}.`);
}

async function outcomeOf(concepts: Concepts, a: string, b: string): Promise<string> {
  if (a === b) return 'equivalent';
  if (await concepts.subsumed(a, b)) return 'subsumes';
  return (await concepts.subsumed(b, a)) ? 'subsumed-by' : 'not-subsumed';
}

function codeIn(
  inputs: Inputs,
  which: 'A' | 'B',
  system: string | undefined,
): { system: string; code: string; version: string | undefined } {
  const [code, coding] = [inputs.text(`code${which}`), inputs.object(`coding${which}`)];
  if ((code === undefined) === (coding === undefined)) {
    throw failure(400, 'required', `Give code${which} and system, or coding${which}.`);
  }
  const own = text(coding?.system) || system;
  if (own === undefined || own === '') throw failure(400, 'required', 'Give the system of the codes.');
  return { system: own, code: code ?? text(coding?.code), version: text(coding?.version) || undefined };
}
