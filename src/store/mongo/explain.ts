/** Watches the reads of a search: what the server does for them, and how long it takes. https://hl7.org/fhir/R4/search.html */
import type { Document } from 'mongodb';
import type { Criterion } from '../../search/criteria.ts';
import type { ExplainedCriterion, ExplainedPart, ExplainedStep } from '../port.ts';
import type { Filter } from './filter.ts';
import type { Watch } from './state.ts';

export class ReadWatch implements Watch {
  readonly steps: ExplainedStep[] = [];
  /** Indexes that won, by collection. */
  readonly indexes = new Map<string, Set<string>>();

  async read(
    collection: string,
    _filter: Filter,
    found: number,
    milliseconds: number,
    explain: () => Promise<Document>,
  ): Promise<void> {
    const plan = await explain();
    const stages = stagesOf(plan);
    const used = this.indexes.get(collection) ?? new Set();
    this.indexes.set(collection, used);
    for (const { index } of stages) if (index !== undefined) used.add(index);
    this.steps.push({
      access: stages.map(({ text }) => `${collection}: ${text}`),
      rowsExamined: examinedIn(plan),
      rowsFound: found,
      milliseconds,
    });
  }

  /** What the matches of a type were found by. */
  leadOf(type: string, criteria: readonly ExplainedCriterion[], sorted: boolean): ExplainedPart['lead'] {
    const used = [...(this.indexes.get(type) ?? [])];
    const place = criteria.findIndex(({ criterion }) => used.some((index) => isFoundBy(criterion, index)));
    if (place >= 0) return place;
    if (used.some((index) => index === '_id' || index === '_id_')) return 'number';
    return sorted && used.length > 0 ? 'sort' : 'change';
  }
}

/** The criteria that must all hold. */
export function conjuncts(criterion: Criterion): readonly Criterion[] {
  return criterion.kind === 'and' ? criterion.of.flatMap(conjuncts) : [criterion];
}

/** Whether an index, named by its paths, finds what a criterion asks for. */
function isFoundBy(criterion: Criterion, index: string): boolean {
  switch (criterion.kind) {
    case 'id':
      return index.startsWith('_id');
    case 'lastUpdated':
      return index.startsWith('updated');
    case 'words':
      return index.startsWith('words.');
    case 'missing':
    case 'differs':
      return index.startsWith('present');
    case 'value':
    case 'chain':
    case 'hierarchy':
      return index.startsWith(`index.${criterion.parameter.code}.`);
    default:
      return false;
  }
}

interface Stage {
  readonly text: string;
  readonly index?: string;
}

/** The stages of the winning plan that read documents, innermost first. */
function stagesOf(plan: unknown): readonly Stage[] {
  const winning = winningPlan(plan);
  const found: Stage[] = [];
  visit(winning, (stage) => {
    const name = textOf(stage, 'stage');
    if (name === 'COLLSCAN') found.push({ text: 'COLLSCAN: every document is read' });
    else if (name === 'IXSCAN' || name === 'EXPRESS_IXSCAN') {
      const index = textOf(stage, 'indexName') ?? '';
      found.push({ text: `IXSCAN ${index}`, index });
    } else if (name === 'IDHACK' || name === 'EXPRESS_CLUSTERED_IXSCAN')
      found.push({ text: 'IDHACK _id', index: '_id' });
    else if (name === 'SORT') found.push({ text: 'SORT: what is found is sorted in memory' });
  });
  return found;
}

/** Of a find, or of the cursor stage that an aggregation begins with. */
function winningPlan(plan: unknown): unknown {
  const planner = partOf(plan, 'queryPlanner');
  if (planner !== undefined) return partOf(planner, 'winningPlan');
  const stages = partOf(plan, 'stages');
  if (!Array.isArray(stages)) return undefined;
  return stages.map((stage: unknown) => winningPlan(partOf(stage, '$cursor'))).find((each) => each !== undefined);
}

function visit(value: unknown, each: (stage: object) => void): void {
  if (Array.isArray(value)) for (const item of value) visit(item, each);
  else if (typeof value === 'object' && value !== null) {
    for (const name of ['queryPlan', 'inputStage', 'inputStages', 'shards', 'winningPlan'])
      visit(Reflect.get(value, name), each);
    each(value);
  }
}

/** The documents and keys that were looked at. */
function examinedIn(plan: unknown): number {
  const stats = partOf(plan, 'executionStats');
  if (stats !== undefined) {
    const [documents, keys] = [partOf(stats, 'totalDocsExamined'), partOf(stats, 'totalKeysExamined')];
    return Math.max(Number(documents ?? 0), Number(keys ?? 0));
  }
  const stages = partOf(plan, 'stages');
  if (!Array.isArray(stages)) return 0;
  return stages.reduce((sum: number, stage: unknown) => sum + examinedIn(partOf(stage, '$cursor')), 0);
}

function partOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function textOf(value: object, name: string): string | undefined {
  const found: unknown = Reflect.get(value, name);
  return typeof found === 'string' ? found : undefined;
}
