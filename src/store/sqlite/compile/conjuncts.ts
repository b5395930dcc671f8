/** The criteria that must all hold, with those on the same value made one. https://hl7.org/fhir/R4/search.html#combining */
import type {
  Criterion,
  DateTest,
  NumberTest,
  QuantityTest,
  ValueCriterion,
  ValueTest,
} from '../../../search/criteria.ts';
import { boxesOf, intersect, intervalOf } from './interval.ts';

/** How many boxes a merged test has at most. */
const mostBoxes = 16;

/** A criterion as a list of criteria that must all hold. It depends on the criterion alone, never on what is stored. */
export function conjuncts(criterion: Criterion): readonly Criterion[] {
  const flat = flatten(criterion);
  const result: Criterion[] = [];
  for (const part of flat) {
    if (part.kind !== 'value' || part.parameter.multiple) {
      result.push(part);
      continue;
    }
    const place = result.findIndex((other) => other.kind === 'value' && sameParameter(other, part));
    const other = result[place];
    const merged = other?.kind === 'value' ? both(other, part) : undefined;
    if (merged === undefined) result.push(part);
    else result[place] = merged;
  }
  return result;
}

function flatten(criterion: Criterion): readonly Criterion[] {
  return criterion.kind === 'and' ? criterion.of.flatMap(flatten) : [criterion];
}

function sameParameter({ parameter: a }: ValueCriterion, { parameter: b }: ValueCriterion): boolean {
  return a.type === b.type && a.code === b.code && a.kind === b.kind;
}

/** Both criteria as one on the one value that a resource can have; undefined where they don't combine. */
function both(a: ValueCriterion, b: ValueCriterion): ValueCriterion | undefined {
  const anyOf: ValueTest[] = [];
  for (const left of a.anyOf) {
    for (const right of b.anyOf) {
      const test = bothTests(left, right);
      if (test === undefined) return undefined;
      anyOf.push(test);
    }
  }
  const boxes = anyOf.reduce((sum, test) => sum + ('interval' in test ? test.interval.length : 1), 0);
  return boxes > mostBoxes ? undefined : { ...a, anyOf };
}

function bothTests(a: ValueTest, b: ValueTest): DateTest | NumberTest | QuantityTest | undefined {
  if (a.kind === 'date' && b.kind === 'date') {
    return { kind: 'date', interval: intervalOf(intersect(boxesOf(a.interval), boxesOf(b.interval))) };
  }
  if (a.kind === 'number' && b.kind === 'number') {
    return { kind: 'number', interval: intervalOf(intersect(boxesOf(a.interval), boxesOf(b.interval))) };
  }
  if (a.kind === 'quantity' && b.kind === 'quantity' && a.system === b.system && a.code === b.code) {
    return { ...a, interval: intervalOf(intersect(boxesOf(a.interval), boxesOf(b.interval))) };
  }
  return undefined;
}
