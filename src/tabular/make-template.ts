/** Makes a template of StructureDefinitions. https://hl7.org/fhir/R4/profiling.html */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import { type ExactJson, isExactObject } from '../fhir/exact-json.ts';
import { failure, type OutcomeError } from '../fhir/outcome.ts';
import { isObject, type JsonObject } from '../fhir/resource.ts';
import { columnsOf, type DraftColumn, pathSteps } from './columns.ts';
import { rootContent } from './content.ts';
import { type ElementNode, elementTree } from './element-tree.ts';
import { extensions, objects, text } from './json.ts';
import type { AllowedCode, AllowedCodes, Column, ColumnCodes, Link, Part, Step, Template } from './template.ts';

/** On a profile: a resource that is part of each row. */
export const partExtension = 'http://osteon.example/StructureDefinition/case-part';
/** On a profile: a column of its key. */
export const keyExtension = 'http://osteon.example/StructureDefinition/csv-key';

/** Where definitions come from. */
export interface TemplateSource {
  /** A StructureDefinition by canonical; undefined: there is none. */
  readonly structure: (canonical: string) => Promise<JsonObject | undefined>;
  /** The codes of a value set; undefined: there is none. */
  readonly codes: (valueSet: string) => Promise<AllowedCodes | undefined>;
}

/** What a profile is made of. */
interface Profile {
  readonly url: string;
  readonly type: string;
  readonly root: ElementNode;
  readonly keys: readonly string[];
  readonly columns: readonly DraftColumn[];
  /** The newest layer. */
  readonly own: JsonObject;
}

interface PartDefinition {
  readonly name: string;
  readonly profile: string;
  readonly link: string;
  readonly times: readonly string[];
}

/** Profiles on profiles, at most so many. */
const deepest = 10;
const patientElements = ['subject', 'patient', 'beneficiary'] as const;
const mainName = 'case';

/**
 * The template of a profile. Throws 404 where it or a profile that it names is not here, 422 naming what is wrong with one of them.
 */
export async function makeTemplate(
  canonical: string,
  source: TemplateSource,
  definitions: Definitions,
): Promise<Template> {
  const main = await profileOf(canonical, source, definitions);
  const named = partsOf(main);
  const before: Draft[] = [];
  const after: Draft[] = [];
  for (const each of named) {
    const profile = await profileOf(each.profile, source, definitions);
    const link = linkOf(main, profile, each, definitions);
    const times = each.times.length === 0 ? [undefined] : each.times;
    for (const time of times) (link.on === 'main' ? before : after).push({ name: each.name, time, profile, link });
  }
  // One flat row: patient, encounter and the like, the case itself, what came of it.
  const mainDraft = { name: mainName, time: undefined, profile: main, link: undefined };
  const patientFirst = before.toSorted((a, b) => rank(a) - rank(b));
  return assembled(main, [...patientFirst, mainDraft, ...after], source, definitions);
}

interface Draft {
  readonly name: string;
  readonly time: string | undefined;
  readonly profile: Profile;
  readonly link: Link | undefined;
}

const rank = ({ profile }: Draft) => (profile.type === 'Patient' ? 0 : 1);

async function profileOf(canonical: string, source: TemplateSource, definitions: Definitions): Promise<Profile> {
  const layers: JsonObject[] = [];
  let next = canonical;
  while (layers.length < deepest) {
    const structure = await source.structure(next);
    if (structure === undefined) {
      // R4's own types are what the layers lie on.
      if (layers.length > 0) break;
      throw failure(404, 'not-found', `There is no profile ${canonical.slice(0, 200)} here.`);
    }
    if (structure.derivation !== 'constraint') break;
    layers.unshift(structure);
    next = text(structure.baseDefinition);
  }
  const own = layers.at(-1);
  if (own === undefined)
    throw failure(422, 'processing', `${canonical.slice(0, 200)} is no profile: it constrains nothing.`);
  const type = text(own.type);
  if (definitions.type(type) === undefined) throw refused(own, `has the unknown type "${type.slice(0, 80)}"`);
  const root = elementTree(type, layers, definitions);
  const columns = await columnsOf(root, (url) => profileTree(url, source, definitions));
  const keys = layers.findLast((layer) => extensions(layer, keyExtension).length > 0) ?? own;
  return {
    url: text(own.url) === '' ? canonical : text(own.url),
    type,
    root,
    keys: extensions(keys, keyExtension).map(({ valueString }) => text(valueString)),
    columns,
    own: layers.findLast((layer) => extensions(layer, partExtension).length > 0) ?? own,
  };
}

async function profileTree(
  url: string,
  source: TemplateSource,
  definitions: Definitions,
): Promise<ElementNode | undefined> {
  const structure = await source.structure(url);
  return structure === undefined ? undefined : elementTree(text(structure.type), [structure], definitions);
}

function refused({ url }: JsonObject, problem: string): OutcomeError {
  return failure(422, 'processing', `The profile ${text(url).slice(0, 200)} ${problem}.`);
}

function partsOf({ own }: Profile): readonly PartDefinition[] {
  return extensions(own, partExtension).map((extension) => {
    const parts = objects(extension.extension);
    const value = (url: string, type: string) => text(parts.find((each) => each.url === url)?.[type]);
    const part = {
      name: value('name', 'valueCode'),
      profile: value('profile', 'valueCanonical'),
      link: value('link', 'valueString'),
      times: parts.filter(({ url }) => url === 'time').map(({ valueCode }) => text(valueCode)),
    };
    if (part.name === '' || part.profile === '' || part.link === '')
      throw refused(own, 'has a case-part without name, profile or link');
    return part;
  });
}

/** A link is on the main resource where its path begins with that type, unless the part is meant, which has the same one. */
function linkOf(main: Profile, part: Profile, { link, name }: PartDefinition, definitions: Definitions): Link {
  const on =
    link.startsWith(`${main.type}.`) && main.type !== part.type
      ? 'main'
      : link.startsWith(`${part.type}.`)
        ? 'part'
        : undefined;
  if (on === undefined) throw refused(main.own, `joins the part ${name} by ${link}, which is on neither of the two`);
  const steps = pathSteps(on === 'main' ? main.root : part.root, link, definitions);
  if (steps === undefined)
    throw refused(main.own, `joins the part ${name} by ${link}, which is no element of its profile`);
  return { on, steps };
}

async function assembled(
  main: Profile,
  drafts: readonly Draft[],
  source: TemplateSource,
  definitions: Definitions,
): Promise<Template> {
  const known = new Map<string, Promise<ColumnCodes | undefined>>();
  const codes = ({ binding }: ElementNode) => {
    if (binding === undefined) return Promise.resolve(undefined);
    const key = `${binding.strength} ${binding.valueSet}`;
    const found = known.get(key) ?? codesOf(binding, source);
    known.set(key, found);
    return found;
  };
  const all: Column[] = [];
  const parts: Part[] = [];
  for (const [index, { name, time, profile, link }] of drafts.entries()) {
    const own: Column[] = [];
    for (const each of profile.columns) {
      const node = each.steps.at(-1)?.node;
      if (node === undefined) continue;
      const suffixed = time === undefined ? each.name : `${each.name}_${time}`;
      const { required, ...rest } = each;
      const column: Column = {
        ...rest,
        name: suffixed,
        part: index,
        index: all.length,
        codes: bindable.has(node.type) ? await codes(node) : undefined,
        unit: unitOf(node.fixed),
        required: required ? (isNeeded(link) ? 'yes' : 'part') : 'no',
        key: main.keys.includes(suffixed),
        targets: await targetTypes(node, source),
      };
      if (all.some((other) => other.name === column.name))
        throw refused(main.own, `has two columns named ${column.name}`);
      own.push(column);
      all.push(column);
    }
    parts.push({
      name,
      index,
      time,
      profile: profile.url,
      type: profile.type,
      content: rootContent(profile.root),
      columns: own,
      key: time === undefined ? own.filter((column) => profile.keys.includes(column.name)) : [],
      link,
      patient: patientSteps(profile, main, definitions),
    });
  }
  const mainPart = parts.find(({ link }) => link === undefined);
  if (mainPart === undefined) throw new Error('the main resource is a part');
  const lacking = main.keys.find((name) => !all.some((column) => column.name === name));
  if (lacking !== undefined) throw refused(main.own, `has the key ${lacking}, which is no column`);
  if (main.keys.length === 0)
    throw refused(main.own, 'has no csv-key, so that nothing tells which resource a row means');
  return {
    profile: main.url,
    name: text(main.own.name),
    parts,
    main: mainPart,
    patient: parts.find(({ type, time }) => type === 'Patient' && time === undefined),
    columns: all,
    key: all.filter(({ key }) => key),
  };
}

/** Whether each row has the part: it is the main resource, or one that the main resource must refer to. */
function isNeeded(link: Link | undefined): boolean {
  return link === undefined || (link.on === 'main' && link.steps.every(({ node }) => node.min > 0));
}

const bindable: ReadonlySet<string> = new Set(['code', 'Coding', 'CodeableConcept', 'string', 'uri']);

async function codesOf(
  binding: { readonly strength: string; readonly valueSet: string },
  source: TemplateSource,
): Promise<ColumnCodes | undefined> {
  const closed = binding.strength === 'required';
  // What R4 gives as an example tells nothing of what is allowed.
  if (binding.strength === 'example') return undefined;
  const found = await source.codes(binding.valueSet);
  if (found === undefined) return undefined;
  const { systems, codes } = found;
  if (codes === undefined) return { systems, byCode: undefined, closed };
  return { systems, byCode: byCodeOf(codes), closed };
}

function byCodeOf(codes: readonly AllowedCode[]): ReadonlyMap<string, readonly AllowedCode[]> {
  const byCode = new Map<string, AllowedCode[]>();
  for (const each of codes) {
    const same = byCode.get(each.code);
    if (same === undefined) byCode.set(each.code, [each]);
    else if (!same.some(({ system }) => system === each.system)) same.push(each);
  }
  return byCode;
}

function unitOf(fixed: ExactJson | undefined): string | undefined {
  if (!isExactObject(fixed)) return undefined;
  const { unit = fixed.code } = fixed;
  return typeof unit === 'string' ? unit : undefined;
}

async function targetTypes({ type, targets }: ElementNode, source: TemplateSource): Promise<readonly string[]> {
  if (type !== 'Reference') return [];
  const own = 'http://hl7.org/fhir/StructureDefinition/';
  const types: string[] = [];
  for (const target of targets) {
    if (target.startsWith(own)) types.push(target.slice(own.length));
    else {
      const structure = await source.structure(target);
      if (isObject(structure)) types.push(text(structure.type));
    }
  }
  return [...new Set(types)];
}

/** The element of a resource that leads to its patient. */
function patientSteps({ root, type }: Profile, main: Profile, definitions: Definitions): readonly Step[] | undefined {
  if (type === 'Patient') return undefined;
  const parts = partsOf(main);
  if (
    main.type !== 'Patient' &&
    !parts.some(({ link }) => patientElements.some((name) => link === `${main.type}.${name}`))
  )
    return undefined;
  for (const name of patientElements) {
    const steps = pathSteps(root, `${type}.${name}`, definitions);
    if (steps !== undefined) return steps;
  }
  return undefined;
}
