/** The template that a call names, from the definitions that this server knows. https://hl7.org/fhir/R4/structuredefinition.html */
import { failure, OutcomeError } from '../../fhir/outcome.ts';
import { isObject, type JsonObject } from '../../fhir/resource.ts';
import { findCanonical } from '../../interactions/canonical.ts';
import type { Call, Context } from '../../interactions/context.ts';
import { single } from '../../interactions/cut.ts';
import { TermLookup } from '../../interactions/term-source.ts';
import { objects, text, texts } from '../../tabular/json.ts';
import { makeTemplate, type TemplateSource } from '../../tabular/make-template.ts';
import type { AllowedCode, AllowedCodes, Template } from '../../tabular/template.ts';
import { hasConcepts } from '../../terminology/concepts.ts';
import { expandValueSet, type SystemCodes } from '../../terminology/expand.ts';
import { Work } from '../../terminology/work.ts';
import { ownBase, profileNamed } from '../named-profile.ts';

/** Types with a template of their own. */
const plainTypes: ReadonlySet<string> = new Set(['Patient', 'Encounter', 'Condition', 'Procedure', 'Observation']);

/** A template, and whether it was asked for as that of a type. */
export interface NamedTemplate {
  readonly template: Template;
  /** Then all resources of the type are meant, not only those of the profile. */
  readonly plain: boolean;
}

/**
 * The template of `profile`: a canonical, the id or name of a StructureDefinition, or one of the types with a template of their own.
 * Throws 400 without it, 404 where there is no such profile, 422 for one that can't be a template.
 */
export async function templateOf(context: Context, call: Call): Promise<NamedTemplate> {
  const named = single(call.parameters, 'profile');
  if (named === undefined) {
    const types = [...plainTypes].join(', ');
    throw failure(
      400,
      'required',
      `Name a profile: ${call.operation}?profile=… (a canonical, an id or a name), or ${types}.`,
    );
  }
  const source = sourceOf(context);
  const plain = plainTypes.has(named);
  const canonical = plain ? `${ownBase}research-${named.toLowerCase()}` : await canonicalOf(context, named);
  return { template: await makeTemplate(canonical, source, context.definitions), plain };
}

async function canonicalOf(context: Context, named: string): Promise<string> {
  const canonical = named.includes(':') ? named : await profileNamed(context, named);
  if (canonical !== undefined) return canonical;
  throw failure(
    404,
    'not-found',
    `There is no profile "${named.slice(0, 80)}" here. Name one by its canonical, its id or its name.`,
  );
}

function sourceOf(context: Context): TemplateSource {
  const structures = new Map<string, Promise<JsonObject | undefined>>();
  const lookup = new TermLookup(context);
  return {
    structure: (canonical) => {
      const found =
        structures.get(canonical) ??
        findCanonical(context, 'StructureDefinition', canonical).then((each) => each?.content());
      structures.set(canonical, found);
      return found;
    },
    codes: async (canonical) => {
      const valueSet = (await lookup.valueSet(canonical))?.content();
      if (valueSet === undefined) return undefined;
      try {
        return await spelledOut(await expandValueSet(canonical, lookup.source()), displaysOf(valueSet), lookup);
      } catch (error) {
        // Too large, or of a code system that is not here: validation may still know its codes.
        if (!(error instanceof OutcomeError) || error.status >= 500) throw error;
        return { systems: systemsOf(valueSet), codes: undefined };
      }
    },
  };
}

/** The codes one by one, where whole systems can be told. */
async function spelledOut(
  expanded: readonly SystemCodes[],
  displays: ReadonlyMap<string, string>,
  lookup: TermLookup,
): Promise<AllowedCodes> {
  const codes: AllowedCode[] = [];
  let all = true;
  for (const { system, codes: listed } of expanded) {
    const concepts = (await lookup.codeSystem(system))?.concepts;
    const known = concepts !== undefined && hasConcepts(concepts) ? concepts : undefined;
    // A loaded system stays in the store.
    const whole = known === undefined || known.loaded ? undefined : await known.codes(new Work(system));
    const meant = listed ?? whole;
    if (meant === undefined) {
      all = false;
      continue;
    }
    const found = (await known?.find(meant)) ?? [];
    const named = new Map(found.map(({ code, display }) => [code, display]));
    for (const code of meant) {
      codes.push({ system, code, display: displays.get(`${system}|${code}`) ?? named.get(code) });
    }
  }
  return { systems: expanded.map(({ system }) => system), codes: all ? codes : undefined };
}

/** What a value set itself calls its codes. */
function displaysOf({ compose }: JsonObject): ReadonlyMap<string, string> {
  const displays = new Map<string, string>();
  for (const { system, concept } of isObject(compose) ? objects(compose.include) : []) {
    for (const each of objects(concept)) {
      if (text(each.display) !== '') displays.set(`${text(system)}|${text(each.code)}`, text(each.display));
    }
  }
  return displays;
}

function systemsOf({ compose }: JsonObject): readonly string[] {
  const includes = isObject(compose) ? objects(compose.include) : [];
  if (includes.some(({ valueSet }) => texts(valueSet).length > 0)) return [];
  return [...new Set(includes.map(({ system }) => text(system)))].filter((system) => system !== '');
}
