/** What a row makes of the resources that it is about. https://hl7.org/fhir/R4/http.html#create */
import { parse, v5 as uuidOf } from 'uuid';
import type { ExactObject } from '../../fhir/exact-json.ts';
import { type Issue, OutcomeError } from '../../fhir/outcome.ts';
import type { Context } from '../../interactions/context.ts';
import { prepareTree } from '../../interactions/prepare.ts';
import type { Validations } from '../../interactions/validate.ts';
import { bodyMass, bodyMassCode, hasCode, heightCode, weightCode } from '../../tabular/body-mass.ts';
import { placeOf, valuesAt } from '../../tabular/place.ts';
import {
  type CellElements,
  type CellFault,
  isPart,
  isTold,
  merged,
  newResource,
  referenceAt,
} from '../../tabular/row.ts';
import type { Part, Step, Template } from '../../tabular/template.ts';
import { type Key, localOf, ownerOf } from './held.ts';
import { type ByProfile, byProfile, profileKey } from './owned.ts';
import type { ReadRow, RowPart } from './read-rows.ts';
import { type ChunkState, nameOf, type Planned } from './state.ts';

/** Ids of what rows make are names in this namespace: two imports of one row make the same. */
const namespace = parse('b3c1c9a4-6a52-5d0e-9a3f-0c5d8f0e7a11');

const idOf = (name: string) => uuidOf(Buffer.from(name), namespace);

export type RowOutcome = 'created' | 'updated' | 'unchanged';

/** What a row comes to. */
export interface PlannedRow {
  readonly outcome: RowOutcome;
  readonly changes: readonly Planned[];
}

/** A row that can't be followed. */
export class FaultyRow extends Error {
  readonly faults: readonly CellFault[];

  constructor(faults: readonly CellFault[]) {
    super('the row is faulty');
    this.faults = faults;
  }
}

/** A resource of the row, settled but for what becomes of it. */
interface Target {
  readonly rowPart: RowPart;
  readonly planned: Planned;
}

/** A part that refers to what owns it. */
interface OwnedPart {
  readonly part: Part;
  readonly owner: Part;
  readonly profileKey: string;
  /** Of a body mass index: the row's height and weight, of which it can be computed. */
  readonly measures: Measures | undefined;
}

interface Measures {
  readonly height: Part;
  readonly weight: Part;
}

/** Plans rows, one after the other. */
export class RowPlanner {
  readonly #context: Context;
  readonly #template: Template;
  readonly #plain: boolean;
  readonly #state: ChunkState;
  readonly #validations: Validations;
  /** Parts that refer to what owns them. */
  readonly #ownedParts: readonly OwnedPart[];
  #place = 0;

  /** `plain`: the rows are any of their type's resources, not only those of the profile. */
  constructor(context: Context, template: Template, plain: boolean, state: ChunkState, validations: Validations) {
    this.#context = context;
    this.#template = template;
    this.#plain = plain;
    this.#state = state;
    this.#validations = validations;
    this.#ownedParts = template.parts
      .filter(({ link }) => link?.on === 'part')
      .map((part) => ({
        part,
        owner: ownerOf(template, part),
        profileKey: profileKey(part.profile, part.time),
        measures: measuresOf(template, part),
      }));
  }

  /** Throws FaultyRow. Nothing is taken into the state. */
  async plan(row: ReadRow): Promise<PlannedRow> {
    const { main, patient, parts } = this.#template;
    const rowMain = rowPartOf(row, main);
    const mainKey = rowMain.key;
    if (mainKey === undefined)
      throw new FaultyRow([{ column: keyColumn(main), reason: 'must have a value: it is of the key' }]);
    const owner = patient === undefined || patient === main ? undefined : await this.#keyed(rowPartOf(row, patient));
    const target = await this.#main(rowMain, mainKey, owner);
    const names = [...(owner === undefined ? [] : [keyText(owner.rowPart)]), keyText(rowMain)].join(' ');
    const present = target.planned.tree;
    const targets = new Map<Part, Target>([[main, target]]);
    if (owner !== undefined && patient !== undefined) targets.set(patient, owner);
    const references: [readonly Step[], string | undefined][] = [];
    for (const part of parts) {
      if (part.link?.on !== 'main') continue;
      const joined = targets.get(part) ?? (await this.#joined(rowPartOf(row, part), present, names));
      if (joined !== undefined) targets.set(part, joined);
      const id = joined && nameOf(part.type, joined.planned.held.id);
      // Columns that the file doesn't have leave the reference as it is.
      if (id !== undefined || rowPartOf(row, part).read.whole)
        references.push([part.link.steps, this.#kept(present, part.link.steps, id)]);
    }
    const patientId = patient === undefined ? undefined : targets.get(patient)?.planned.held.id;
    const changes: Planned[] = [];
    const faults: CellFault[] = [];
    const settle = async (each: Target, links: readonly (readonly [readonly Step[], string | undefined])[]) => {
      const change = await this.#change(each, links, faults);
      if (change !== undefined) changes.push(change);
    };
    for (const [part, each] of targets) {
      if (part === main) await settle(each, [...references, ...patientLink(part, patientId)]);
      else await settle(each, patientLink(part, patientId));
    }
    const owned = new Map<Part, ByProfile<Planned>>();
    for (const { part, owner: owning, profileKey: key, measures } of this.#ownedParts) {
      const ownerId = targets.get(owning)?.planned.held.id;
      if (ownerId === undefined || part.link === undefined) continue;
      let present = owned.get(owning);
      if (present === undefined) {
        present = byProfile(this.#state.partsOf(owning.type, ownerId));
        owned.set(owning, present);
      }
      const same = present.get(key);
      const written = rowPartOf(row, part);
      const rowPart = measures === undefined ? written : withBodyMass(written, row, measures);
      if (same === undefined && rowPart.read.empty) continue;
      const found = await this.#owned(rowPart, same ?? [], names);
      if (found === undefined) continue;
      if (rowPart.read.empty) {
        // A part without any value is no resource; columns that the file doesn't have leave it alone.
        if (rowPart.read.whole && found.tree !== undefined && isTold(part, found.tree)) {
          changes.push({ held: found.held, tree: undefined, prepared: undefined });
        }
        continue;
      }
      const links: (readonly [readonly Step[], string])[] = [[part.link.steps, nameOf(owning.type, ownerId)]];
      await settle({ rowPart, planned: found }, [...links, ...patientLink(part, patientId)]);
    }
    if (faults.length > 0) throw new FaultyRow(faults);
    return { outcome: present === undefined ? 'created' : changes.length > 0 ? 'updated' : 'unchanged', changes };
  }

  /** The resource of a part with a key of its own. */
  async #keyed(rowPart: RowPart): Promise<Target> {
    const { part } = rowPart.read;
    const { key } = rowPart;
    if (key === undefined)
      throw new FaultyRow([{ column: keyColumn(part), reason: 'must have a value: it is of the key' }]);
    const found = this.#state.named(part.type, key);
    const [planned] = found;
    if (found.length > 1) throw several(part);
    return { rowPart, planned: planned ?? (await this.#state.made(part.type, idOf(keyText(rowPart)))) };
  }

  /** The main resource: the one with its identifier, of this patient. */
  async #main(rowPart: RowPart, key: Key, owner: Target | undefined): Promise<Target> {
    const { part } = rowPart.read;
    const found = this.#state.named(part.type, key).filter(({ tree }) => {
      if (owner === undefined || part.patient === undefined || tree === undefined) return true;
      return localOf(this.#context, referenceAt(tree, part.patient))?.id === owner.planned.held.id;
    });
    const [planned] = found;
    if (found.length > 1) throw several(part);
    const name = owner === undefined ? keyText(rowPart) : `${keyText(owner.rowPart)} ${keyText(rowPart)}`;
    return { rowPart, planned: planned ?? (await this.#state.made(part.type, idOf(name))) };
  }

  /** A resource that the main one refers to; undefined: the row has none. */
  async #joined(rowPart: RowPart, main: ExactObject | undefined, names: string): Promise<Target | undefined> {
    const { part, empty } = rowPart.read;
    if (empty || part.link === undefined) return undefined;
    if (part.key.length > 0) return this.#keyed(rowPart);
    const local = main === undefined ? undefined : localOf(this.#context, referenceAt(main, part.link.steps));
    const present = local?.type === part.type ? this.#state.get(local.type, local.id) : undefined;
    if (present?.tree !== undefined) return { rowPart, planned: present };
    return { rowPart, planned: await this.#state.made(part.type, idOf(`${names} ${part.name}`)) };
  }

  /** The resource of a part among those of its profile and time that refer to its owner; undefined: there is none, and the row has none. */
  async #owned({ read }: RowPart, same: readonly Planned[], names: string): Promise<Planned | undefined> {
    const { part, empty } = read;
    const found = same.filter(({ held, tree }) => held.type === part.type && tree !== undefined && isPart(tree, part));
    if (found.length === 0 && empty) return undefined;
    const [only] = found;
    if (only !== undefined && found.length === 1) return only;
    const own = idOf(`${names} ${part.name} ${part.time ?? ''}`);
    const [first] = found.toSorted(
      (a, b) => Number(b.held.id === own) - Number(a.held.id === own) || (a.held.id < b.held.id ? -1 : 1),
    );
    return first ?? this.#state.made(part.type, own);
  }

  /** The reference as it stands where it leads to the same resource. */
  #kept(main: ExactObject | undefined, steps: readonly Step[], wanted: string | undefined): string | undefined {
    const present = main === undefined ? undefined : referenceAt(main, steps);
    const local = localOf(this.#context, present);
    return local !== undefined && nameOf(local.type, local.id) === wanted ? present : wanted;
  }

  /** What becomes of a resource; undefined: it stays as it is. What is wrong with it goes to `faults`. */
  async #change(
    { rowPart, planned }: Target,
    references: readonly (readonly [readonly Step[], string | undefined])[],
    faults: CellFault[],
  ): Promise<Planned | undefined> {
    const { read } = rowPart;
    const { part } = read;
    const kept = references.map(([steps, wanted]) => [steps, this.#kept(planned.tree, steps, wanted)] as const);
    const tree =
      planned.tree === undefined
        ? merged(rowPart.fresh, { read: { ...read, elements: none }, references: kept })
        : merged(planned.tree, { read, references: kept, claims: part === this.#template.main && !this.#plain });
    if (tree === planned.tree) return undefined;
    try {
      const prepared = prepareTree(this.#context, tree, part.type);
      this.#place += 1;
      await this.#validations.of(prepared, this.#place, true);
      return { held: planned.held, tree, prepared };
    } catch (error) {
      if (!(error instanceof OutcomeError)) throw error;
      for (const issue of error.issues) {
        if (issue.severity !== 'error' && issue.severity !== 'fatal') continue;
        faults.push({ column: columnOf(part, tree, issue), reason: issue.diagnostics });
      }
      return undefined;
    }
  }
}

const none: readonly CellElements[] = [];

function rowPartOf({ parts }: ReadRow, { index }: Part): RowPart {
  const found = parts[index];
  if (found === undefined) throw new Error('a row has all parts of its template');
  return found;
}

const keyText = ({ read, key }: RowPart) => `${read.part.type}|${key?.system ?? ''}|${key?.value ?? ''}`;

/** The column by which people know a part. */
const keyColumn = ({ key, columns }: Part) => (key.at(-1) ?? columns[0])?.name ?? '';

function several(part: Part): FaultyRow {
  const reason = `names several ${part.type} resources; an identifier must be that of one`;
  return new FaultyRow([{ column: keyColumn(part), reason }]);
}

function patientLink({ patient, type }: Part, id: string | undefined): readonly (readonly [readonly Step[], string])[] {
  return patient === undefined || id === undefined || type === 'Patient' ? [] : [[patient, nameOf('Patient', id)]];
}

/** The column whose element an issue is about; '' where it is about none. */
function columnOf({ columns, type }: Part, tree: ExactObject, { expression = [] }: Issue): string {
  const [at = ''] = expression;
  let best = '';
  let longest = 0;
  for (const { name, steps } of columns) {
    const place = placeOf(tree, type, steps);
    const within =
      at === place || at.startsWith(`${place}.`) || at.startsWith(`${place}[`) || place.startsWith(`${at}.`);
    const common = Math.min(at.length, place.length);
    if (!within || common <= longest || at === type) continue;
    best = name;
    longest = common;
  }
  return best;
}

/** What a body mass index is computed of: the parts of height and weight at its time; undefined: it is none, or one is lacking. */
function measuresOf({ parts }: Template, bodyMassPart: Part): Measures | undefined {
  if (!hasCode(bodyMassPart, bodyMassCode)) return undefined;
  const measured = (code: string) => parts.find((part) => hasCode(part, code) && part.time === bodyMassPart.time);
  const height = measured(heightCode);
  const weight = measured(weightCode);
  return height === undefined || weight === undefined ? undefined : { height, weight };
}

const quantityIn = ({ columns }: Part) => columns.find(({ type }) => type === 'Quantity');

/** The body mass index of a row that has height and weight, and leaves it empty. */
function withBodyMass(rowPart: RowPart, row: ReadRow, { height, weight }: Measures): RowPart {
  const { read } = rowPart;
  if (!read.empty) return rowPart;
  const column = quantityIn(read.part);
  const measured = (part: Part) => {
    const { fresh, read: own } = rowPartOf(row, part);
    const quantity = own.empty ? undefined : quantityIn(part);
    return quantity === undefined ? undefined : valuesAt(fresh, quantity.steps)[0];
  };
  const value = bodyMass(measured(height), measured(weight));
  if (column === undefined || value === undefined) return rowPart;
  const computed = {
    ...read,
    empty: false,
    elements: [...read.elements.filter((each) => each.column !== column), { column, values: [value] }],
  };
  return {
    ...rowPart,
    read: computed,
    fresh: merged(newResource(read.part), { read: computed, references: [] }, true),
  };
}
