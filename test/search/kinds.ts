/** Counts the kinds of criteria, tests and sorts that random cases have. https://hl7.org/fhir/R4/search.html */
import type {
  Comparison,
  Criterion,
  IntervalTest,
  SortBy,
  SortKey,
  StringTest,
  UriTest,
  ValueTest,
  WordsQuery,
} from '../../src/search/criteria.ts';
import type { Tally } from './cases.ts';

type Operator = Comparison<number>['operator'];
type SortKind = 'parameter' | 'id' | 'lastUpdated' | 'through' | 'score';

/** Every kind that there is, none of them seen: a kind that is missing here fails the type check. */
export class Kinds {
  readonly criteria: Tally<Criterion['kind']> = {
    and: 0,
    or: 0,
    not: 0,
    value: 0,
    differs: 0,
    missing: 0,
    id: 0,
    lastUpdated: 0,
    referenced: 0,
    chain: 0,
    has: 0,
    words: 0,
    hierarchy: 0,
    contains: 0,
  };
  readonly tests: Tally<ValueTest['kind']> = {
    token: 0,
    string: 0,
    date: 0,
    number: 0,
    quantity: 0,
    reference: 0,
    uri: 0,
    composite: 0,
    text: 0,
    near: 0,
    canonical: 0,
  };
  readonly strings: Tally<StringTest['match']> = {
    starts: 0,
    contains: 0,
    ends: 0,
    exact: 0,
    equal: 0,
    '<': 0,
    '<=': 0,
    '>': 0,
    '>=': 0,
  };
  readonly uris: Tally<UriTest['match']> = { exact: 0, canonical: 0, begins: 0 };
  readonly comparisons: Tally<`${'low' | 'high'} ${Operator}`> = {
    'low <': 0,
    'low <=': 0,
    'low >': 0,
    'low >=': 0,
    'high <': 0,
    'high <=': 0,
    'high >': 0,
    'high >=': 0,
  };
  readonly words: Tally<WordsQuery['kind']> = { words: 0, and: 0, or: 0, except: 0 };
  readonly sorts: Tally<SortKind> = { parameter: 0, id: 0, lastUpdated: 0, through: 0, score: 0 };

  /** All counts. */
  get all(): readonly Tally<string>[] {
    return [this.criteria, this.tests, this.strings, this.uris, this.comparisons, this.words, this.sorts];
  }

  criterion(criterion: Criterion): void {
    this.criteria[criterion.kind]++;
    switch (criterion.kind) {
      case 'and':
      case 'or':
        for (const part of criterion.of) this.criterion(part);
        break;
      case 'not':
      case 'chain':
      case 'has':
      case 'contains':
        this.criterion(criterion.of);
        break;
      case 'value':
        for (const test of criterion.anyOf) this.#test(test);
        break;
      case 'differs':
        for (const test of criterion.from) this.#test(test);
        break;
      case 'lastUpdated':
        this.#interval(criterion.interval);
        break;
      case 'words':
        this.#query(criterion.query);
        break;
    }
  }

  sort(keys: readonly SortKey[]): void {
    for (const { by } of keys) this.sorts[kindOf(by)]++;
  }

  #test(test: ValueTest): void {
    this.tests[test.kind]++;
    if (test.kind === 'composite') for (const part of test.components) this.#test(part);
    if (test.kind === 'string') this.strings[test.match]++;
    if (test.kind === 'uri') this.uris[test.match]++;
    if (test.kind === 'date' || test.kind === 'number' || test.kind === 'quantity') this.#interval(test.interval);
  }

  #interval(interval: IntervalTest<number | string>): void {
    for (const { end, operator } of interval.flat()) this.comparisons[`${end} ${operator}`]++;
  }

  #query(query: WordsQuery): void {
    this.words[query.kind]++;
    if (query.kind === 'words') return;
    for (const part of query.kind === 'except' ? [query.of, query.but] : query.of) this.#query(part);
  }
}

function kindOf(by: SortBy): SortKind {
  if (typeof by === 'string') return by;
  if ('score' in by) return 'score';
  return 'through' in by ? 'through' : 'parameter';
}
