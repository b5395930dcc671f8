/** Parts of expressions as functions. https://hl7.org/fhirpath/N1/#expressions */
import { type Item, type Items, truth } from './item.ts';
import { EvaluationFault, type Scope } from './scope.ts';
import type { Shapes } from './shapes.ts';
import type { Syntax } from './syntax.ts';

/** `self` is what names without a dot before them start from: `$this`. */
export type Evaluate = (self: Items, scope: Scope) => Items;

/** True, false, or neither. */
export type Test = (self: Items, scope: Scope) => boolean | undefined;

/** A part of an expression: as a collection, and as a truth value. */
export interface Code {
  readonly items: Evaluate;
  readonly test: Test;
}

/** A call that is compiled. */
export interface Call {
  readonly name: string;
  readonly input: Code;
  /** What `input` was compiled of; undefined: what the expression is evaluated on. */
  readonly of: Syntax | undefined;
  readonly arguments: readonly Syntax[];
  readonly shapes: Shapes;
  readonly compile: (tree: Syntax) => Code;
}

export type CompileCall = (call: Call) => Code;

export function itemsCode(items: Evaluate): Code {
  return { items, test: (self, scope) => truthOf(items(self, scope)) };
}

export function testCode(test: Test): Code {
  return { items: (self, scope) => truth(test(self, scope)), test };
}

/**
 * A collection where a truth value is asked for: that of its one item, true for another value.
 *
 * DEVIATION: several items are true as well; FHIRPath calls them an error, and profiles write `telecom or endpoint`.
 */
export function truthOf(items: Items): boolean | undefined {
  const [item] = items;
  if (item === undefined) return undefined;
  if (items.length > 1) return true;
  if (item.value === false) return false;
  return item.value === undefined && item.shape.nature === 'boolean' ? undefined : true;
}

/** The item of a collection that may have one at most; undefined for none, or one without a value. Throws EvaluationFault. */
export function onlyItem(items: Items): Item | undefined {
  if (items.length > 1) throw new EvaluationFault('several values where one is expected');
  const [item] = items;
  return item?.value === undefined ? undefined : item;
}

/** The text of a collection that may have one at most. Throws EvaluationFault for another value. */
export function onlyText(items: Items): string | undefined {
  const value = onlyItem(items)?.value;
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw new EvaluationFault('a text is expected');
  return value;
}

/** The number of a collection that may have one at most. Throws EvaluationFault for another value. */
export function onlyNumber(items: Items): number | undefined {
  const value = onlyItem(items)?.value;
  if (value === undefined) return undefined;
  if (typeof value !== 'number') throw new EvaluationFault('a number is expected');
  return value;
}
