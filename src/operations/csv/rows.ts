/** Resources as rows, their parts fetched for many rows at once. https://hl7.org/fhir/R4/search.html */
import type { ExactObject } from '../../fhir/exact-json.ts';
import type { Context } from '../../interactions/context.ts';
import { makePace } from '../../store/pace.ts';
import { valuesAt } from '../../tabular/place.ts';
import { cellsOf, isPart, referenceAt } from '../../tabular/row.ts';
import type { Column, Part, Template } from '../../tabular/template.ts';
import { findById, findParts, type Held, identifierOf, type Key, localOf, ownerOf } from './held.ts';
import { type ByProfile, byProfile, profileKey } from './owned.ts';
import type { SharedIdentifiers } from './shared-identifiers.ts';
import { nameOf } from './state.ts';

/** A row for each main resource, in the order in which they come. `shared`: what was learnt from rows before. */
export async function rowsOf(
  context: Context,
  template: Template,
  mains: readonly Held[],
  shared: SharedIdentifiers,
): Promise<readonly (readonly string[])[]> {
  const known = new Map(mains.map((held) => [nameOf(held.type, held.id), held]));
  await load(context, linksOf(context, template, mains), known);
  const parts = await findParts(context, template, (part) => {
    const owner = ownerOf(template, part);
    const ids = mains.map((main) => resourceOf(context, owner, main, known)?.id);
    return [...new Set(ids.filter((id) => id !== undefined))];
  });
  const sought = template.parts.map((part) => ({
    part,
    owner: part.link?.on === 'part' ? ownerOf(template, part) : undefined,
    key: profileKey(part.profile, part.time),
  }));
  const rows = mains.map((main) => {
    const owned = new Map<Part, ByProfile<Held>>();
    return sought.map(({ part, owner, key }) => {
      if (owner === undefined) return resourceOf(context, part, main, known)?.tree;
      let found = owned.get(owner);
      if (found === undefined) {
        const held = resourceOf(context, owner, main, known);
        found = byProfile(held === undefined ? [] : (parts.get(nameOf(held.type, held.id)) ?? []));
        owned.set(owner, found);
      }
      return firstOf(found.get(key) ?? [], part);
    });
  });
  const named = namedIn(template, rows);
  const references = named.flatMap(({ references }) => references);
  await load(context, idsOf(context, references), known);
  for (const { targets, references } of named) {
    const keys = references.map((reference) => keyOf(context, known, reference, targets));
    await shared.lookUp(
      targets,
      keys.filter((key) => key !== undefined),
      known,
    );
  }
  const written: (readonly string[])[] = [];
  const pace = makePace();
  for (const trees of rows) {
    written.push(
      template.parts.flatMap((part, n) =>
        cellsOf(part, trees[n], (reference, { targets }) => {
          const key = keyOf(context, known, reference, targets);
          return key === undefined || !shared.names(targets, key) ? reference : `${key.system}|${key.value}`;
        }),
      ),
    );
    const pause = pace();
    if (pause !== undefined) await pause;
  }
  return written;
}

/** The part's resource of a row: the main one, or one that it refers to. */
function resourceOf(context: Context, { link }: Part, main: Held, known: ReadonlyMap<string, Held>): Held | undefined {
  if (link === undefined || main.tree === undefined) return main;
  const local = localOf(context, referenceAt(main.tree, link.steps));
  return local === undefined ? undefined : known.get(nameOf(local.type, local.id));
}

/** Of several the one that an import would go on with, as far as the resources tell. */
function firstOf(found: readonly Held[], part: Part): ExactObject | undefined {
  if (found.length === 0) return undefined;
  const fitting = found.filter(({ type, tree }) => type === part.type && tree !== undefined && isPart(tree, part));
  return fitting.toSorted((a, b) => (a.id < b.id ? -1 : 1))[0]?.tree;
}

type Ids = ReadonlyMap<string, ReadonlySet<string>>;

function linksOf(context: Context, { parts }: Template, mains: readonly Held[]): Ids {
  const references: (string | undefined)[] = [];
  for (const { link } of parts) {
    if (link?.on !== 'main') continue;
    for (const { tree } of mains) references.push(tree && referenceAt(tree, link.steps));
  }
  return idsOf(context, references);
}

/** The references in a column, and the types that they may lead to. */
interface Named extends Pick<Column, 'targets'> {
  readonly references: readonly string[];
}

/** What reference columns lead to. */
function namedIn({ parts }: Template, rows: readonly (readonly (ExactObject | undefined)[])[]): readonly Named[] {
  const named: Named[] = [];
  for (const [n, { columns }] of parts.entries()) {
    for (const { steps, several, targets } of columns.filter(({ type }) => type === 'Reference')) {
      const references = new Set<string>();
      for (const trees of rows) {
        const tree = trees[n];
        if (tree === undefined) continue;
        for (const value of valuesAt(tree, steps, several)) {
          const text = textIn(value);
          if (text !== undefined) references.add(text);
        }
      }
      if (references.size > 0) named.push({ targets, references: [...references] });
    }
  }
  return named;
}

const textIn = (value: unknown) =>
  typeof value === 'object' && value !== null && 'reference' in value && typeof value.reference === 'string'
    ? value.reference
    : undefined;

function idsOf(context: Context, references: readonly (string | undefined)[]): Ids {
  const ids = new Map<string, Set<string>>();
  for (const reference of references) {
    const local = localOf(context, reference);
    if (local === undefined) continue;
    const known = ids.get(local.type);
    if (known === undefined) ids.set(local.type, new Set([local.id]));
    else known.add(local.id);
  }
  return ids;
}

async function load(context: Context, ids: Ids, known: Map<string, Held>): Promise<void> {
  for (const [type, each] of ids) {
    const lacking = [...each].filter((id) => !known.has(nameOf(type, id)));
    for (const held of await findById(context, type, lacking)) known.set(nameOf(type, held.id), held);
  }
}

/** The first identifier of what a reference leads to; undefined where that would not come back as the same reference. */
function keyOf(
  context: Context,
  known: ReadonlyMap<string, Held>,
  reference: string,
  targets: readonly string[],
): Key | undefined {
  const local = localOf(context, reference);
  const isPlain = local !== undefined && reference === nameOf(local.type, local.id) && targets.includes(local.type);
  const key = isPlain ? identifierOf(known.get(reference)?.tree) : undefined;
  return key === undefined || key.value.includes('|') ? undefined : key;
}
