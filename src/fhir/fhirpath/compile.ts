/** Compiles FHIRPath to functions on parsed JSON. https://hl7.org/fhir/R4/fhirpath.html */
import { type Call, type Code, itemsCode, onlyNumber, testCode } from './code.ts';
import { type Dependence, dependence, SELF } from './dependence.ts';
import { functionOf } from './functions/registry.ts';
import { itemOf, nothing, single } from './item.ts';
import { kept } from './kept.ts';
import { operators } from './operators.ts';
import { childrenNamed } from './path.ts';
import { type Shapes, system } from './shapes.ts';
import { ExpressionFault, type Syntax } from './syntax.ts';

/** Compiles a tree. Throws ExpressionFault for what isn't known here. */
export function compileTree(tree: Syntax, shapes: Shapes): Code {
  return compile(tree, shapes, SELF);
}

/** `within`: what the part around it depends on; a part that depends on less is evaluated once and kept. */
function compile(tree: Syntax, shapes: Shapes, within: Dependence): Code {
  const needs = dependence(tree);
  const code = plain(tree, shapes, needs);
  const trivial =
    tree.kind === 'literal' || tree.kind === 'constant' || tree.kind === 'empty' || tree.kind === 'quantity';
  return needs < within && !trivial ? keptCode(code, needs) : code;
}

/** Code that is run once: in all, for each resource, or for each evaluation. */
function keptCode(code: Code, needs: Dependence): Code {
  const test = kept(needs, (self, scope) => ({ value: code.test(self, scope) }));
  return { items: kept(needs, code.items), test: (self, scope) => test(self, scope).value };
}

function plain(tree: Syntax, shapes: Shapes, within: Dependence): Code {
  switch (tree.kind) {
    case 'this':
      return itemsCode((self) => self);
    case 'index':
      return itemsCode((_, scope) => single(scope.index, system.Integer));
    case 'total':
      return itemsCode((_, scope) => scope.total);
    case 'empty':
      return itemsCode(() => nothing);
    case 'literal': {
      if (typeof tree.value === 'boolean') {
        const { value } = tree;
        return testCode(() => value);
      }
      const items = single(tree.value, system[tree.type]);
      return itemsCode(() => items);
    }
    case 'quantity': {
      const items = single({ value: tree.value, unit: tree.unit }, system.Quantity);
      return itemsCode(() => items);
    }
    case 'constant':
      return constantCode(tree.name, shapes);
    case 'member':
      return memberCode(tree, shapes, within);
    case 'call':
      return callCode(tree, shapes, within);
    case 'item': {
      const input = compile(tree.of, shapes, within);
      const index = compile(tree.index, shapes, within);
      return itemsCode((self, scope) => {
        const at = onlyNumber(index.items(self, scope));
        const found = at === undefined ? undefined : input.items(self, scope)[at];
        return found === undefined ? nothing : [found];
      });
    }
    case 'sign': {
      const of = compile(tree.of, shapes, within);
      if (!tree.negative) return of;
      return itemsCode((self, scope) => {
        const [item] = of.items(self, scope);
        return item === undefined || typeof item.value !== 'number' ? nothing : single(-item.value, item.shape);
      });
    }
    case 'is':
    case 'as':
      return functionOf(tree.kind)({
        name: tree.kind,
        of: tree.of,
        input: compile(tree.of, shapes, within),
        arguments: [typeArgument(tree.type)],
        shapes,
        compile: (argument) => compile(argument, shapes, within),
      });
    case 'binary':
      return operators[tree.operator]({
        left: compile(tree.left, shapes, within),
        right: compile(tree.right, shapes, within),
        needsLeft: dependence(tree.left),
        needsRight: dependence(tree.right),
      });
  }
}

function typeArgument({ namespace, name }: { readonly namespace?: string; readonly name: string }): Syntax {
  return namespace === undefined
    ? { kind: 'member', name }
    : { kind: 'member', of: { kind: 'member', name: namespace }, name };
}

function memberCode(tree: Syntax & { readonly kind: 'member' }, shapes: Shapes, within: Dependence): Code {
  const { name, of } = tree;
  const input = of === undefined ? undefined : compile(of, shapes, within).items;
  const children = childrenNamed(input ?? ((self) => self), name, shapes);
  if (of !== undefined || !/^[A-Z]/.test(name)) return itemsCode(children);
  // The name of its own type is what the expression is evaluated on.
  return itemsCode((self, scope) => {
    const own = self.filter(({ shape }) => shape.names.has(name));
    return own.length > 0 ? own : children(self, scope);
  });
}

function callCode(tree: Syntax & { readonly kind: 'call' }, shapes: Shapes, within: Dependence): Code {
  const call: Call = {
    name: tree.name,
    of: tree.of,
    input: tree.of === undefined ? itemsCode((self) => self) : compile(tree.of, shapes, within),
    arguments: tree.arguments,
    shapes,
    // Within an argument, `$this` may be another for each item.
    compile: (argument) => compile(argument, shapes, SELF),
  };
  return functionOf(tree.name)(call);
}

const systems: ReadonlyMap<string, string> = new Map([
  ['ucum', 'http://unitsofmeasure.org'],
  ['sct', 'http://snomed.info/sct'],
  ['loinc', 'http://loinc.org'],
  ['us-zip', '[0-9]{5}(-[0-9]{4}){0,1}'],
]);

function constantCode(name: string, shapes: Shapes): Code {
  if (name === 'context') return itemsCode((_, scope) => scope.context);
  if (name === 'resource' || name === 'rootResource') {
    const of = shapes.of('Resource');
    return itemsCode((_, scope) => [itemOf(scope[name], of, undefined, shapes)]);
  }
  const text =
    systems.get(name) ??
    (name.startsWith('vs-') ? `http://hl7.org/fhir/ValueSet/${name.slice(3)}` : undefined) ??
    (name.startsWith('ext-') ? `http://hl7.org/fhir/StructureDefinition/${name.slice(4)}` : undefined);
  if (text === undefined) throw new ExpressionFault(`no such constant: %${name}`);
  const items = single(text, system.String);
  return itemsCode(() => items);
}
