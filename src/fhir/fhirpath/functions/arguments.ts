/** The arguments that functions take. https://hl7.org/fhirpath/N1/#functions */
import type { Call, Code } from '../code.ts';
import { typeNameOf } from '../parse.ts';
import type { Shape } from '../shapes.ts';
import { ExpressionFault } from '../syntax.ts';

/** The compiled argument of that number. Throws ExpressionFault where there is none. */
export function argument(call: Call, n = 0): Code {
  const found = optional(call, n);
  if (found === undefined) throw new ExpressionFault(`${call.name}() lacks an argument`);
  return found;
}

/** The compiled argument of that number; undefined where there is none. */
export function optional({ arguments: trees, compile }: Call, n = 0): Code | undefined {
  const tree = trees[n];
  return tree === undefined ? undefined : compile(tree);
}

/** The type that is the argument, as a test of types. Throws ExpressionFault for what is none, or isn't known. */
export function typeArgument({ name, arguments: trees, shapes }: Call): (shape: Shape) => boolean {
  const [tree] = trees;
  const type = tree === undefined ? undefined : typeNameOf(tree);
  const test = type === undefined ? undefined : shapes.test(type);
  if (test === undefined)
    throw new ExpressionFault(`${name}: no such type${type === undefined ? '' : `: ${type.name}`}`);
  return test;
}
