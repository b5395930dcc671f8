/** Compiles R4's types to checks of their cardinality, bindings, references and invariants. https://hl7.org/fhir/R4/validation.html */
import type { Definitions, ElementDefinition, TypeDefinition } from '../../fhir/definitions/definitions.ts';
import { isArray, isObject, isResource, type JsonObject, type JsonValue } from '../../fhir/resource.ts';
import { BoundCodes, bindingCheck } from '../binding.ts';
import { conformanceRules } from '../conformance.ts';
import { checkContained } from '../contained.ts';
import { type Constraint, invariantCheck, readsOf } from '../invariants.ts';
import { referenceCheck } from '../reference-target.ts';
import type { CodeSet } from '../validator.ts';
import type { ValueCheck, Walk } from '../walk.ts';
import { ALWAYS, type Bits, bitsOf } from './bits.ts';
import { DefinedElements } from './elements.ts';
import { elementRules, handled, shortFormats, typeRules, withShortFormats } from './rules.ts';

/** Checks a property's value. `parent` is the object that has it. */
type MemberCheck = (member: JsonValue, parent: JsonObject, walk: Walk) => void;

interface Property {
  readonly bit: number;
  readonly check: MemberCheck | undefined;
}

interface CheckedInvariant {
  /** Bits of the elements without which it holds: it is skipped where none of them is there. */
  readonly reads: number;
  readonly check: ValueCheck;
}

interface CheckedType {
  readonly name: string;
  readonly properties: ReadonlyMap<string, Property>;
  readonly bits: Bits;
  readonly invariants: readonly CheckedInvariant[];
  /** Whether it is a DomainResource: one with a narrative and contained resources. */
  readonly ofDomain: boolean;
  /** What else there is to say of a value of the type. */
  readonly rules: readonly ValueCheck[];
}

/** Checks for all types, compiled when first needed. */
export class BaseTypes {
  readonly #definitions: Definitions;
  readonly #findCodes: (valueSet: string) => Promise<CodeSet | undefined>;
  readonly #elements = new DefinedElements();
  readonly #types = new Map<string, CheckedType>();
  readonly #codes = new Map<string, BoundCodes>();
  readonly #conformance: ReadonlyMap<string, ValueCheck>;

  constructor(definitions: Definitions, findCodes: (valueSet: string) => Promise<CodeSet | undefined>) {
    this.#definitions = definitions;
    this.#findCodes = findCodes;
    this.#conformance = conformanceRules(definitions);
  }

  /** Checks the resource that the walk is in. */
  resource(walk: Walk): void {
    const { resource } = walk.scope;
    if (!isResource(resource)) return;
    const type = this.#type(resource.resourceType);
    this.#checkMembers(resource, type, walk);
    if (!type.ofDomain || walk.isContained) return;
    if (resource.contained !== undefined) checkContained(resource, this.#definitions, walk);
    if (!isObject(resource.text) || resource.text.div === undefined)
      walk.warning('invariant', 'dom-6', 'should have a narrative for people to read (dom-6)');
  }

  /** Forgets the codes of value sets, which may have changed. */
  renew(): void {
    for (const codes of this.#codes.values()) codes.forget();
  }

  /** The codes of a value set, kept for all who ask. */
  codes(valueSet: string): BoundCodes {
    const known = this.#codes.get(valueSet) ?? new BoundCodes(valueSet, this.#findCodes);
    this.#codes.set(valueSet, known);
    return known;
  }

  #type(name: string): CheckedType {
    const known = this.#types.get(name);
    if (known !== undefined) return known;
    const definition = this.#definitions.type(name);
    if (definition === undefined) throw new Error(`no definition of the type ${name}`);
    const rules = this.#elements.at(name);
    const constraints = rules?.constraints.filter(({ key }) => !handled.has(key)) ?? [];
    const properties = new Map<string, Property>();
    const reads = constraints.map((constraint) => readsOf(constraint, name, this.#definitions));
    const bits = bitsOf(definition, new Set(reads.flatMap((names) => [...(names ?? [])])));
    const invariants = constraints.map((constraint, index): CheckedInvariant => {
      const names = reads[index];
      const bit = names === undefined ? ALWAYS : [...names].reduce((sum, each) => sum | bits.of(each), 0);
      return { reads: bit, check: invariantCheck(constraint, name, this.#definitions) };
    });
    const ofDomain = definition.base === 'DomainResource';
    const type: CheckedType = { name, properties, bits, invariants, ofDomain, rules: this.#typeRules(name) };
    // Set before its properties are compiled: types contain themselves.
    this.#types.set(name, type);
    for (const element of definition.elements.values()) {
      const bit = bits.of(element.choice ?? element.name);
      properties.set(element.name, { bit, check: this.#member(element, definition) });
      if (element.extensible) properties.set(`_${element.name}`, { bit, check: this.#extensions(element) });
    }
    return type;
  }

  #typeRules(name: string): readonly ValueCheck[] {
    const rules = [...(typeRules.get(name) ?? [])];
    const ofConformance = this.#conformance.get(name);
    if (ofConformance !== undefined) rules.push(ofConformance);
    const bound = this.#elements.at(name);
    // The units of an Age, a Distance or a Duration.
    if (bound?.strength === 'extensible' && bound.valueSet !== undefined)
      rules.push(bindingCheck('Quantity', { strength: 'extensible', codes: this.codes(bound.valueSet) }));
    return rules;
  }

  #member(element: ElementDefinition, parent: TypeDefinition): MemberCheck | undefined {
    const checks = this.#checks(element, parent);
    const [first, ...others] = checks;
    if (first === undefined) return undefined;
    const check: ValueCheck =
      others.length === 0
        ? first
        : (value, walk, beside) => {
            for (const each of checks) each(value, walk, beside);
          };
    const primitive = this.#definitions.type(element.type)?.kind === 'primitive';
    if (primitive) return element.array ? primitiveList(element.name, check) : primitiveSingle(element.name, check);
    return element.array ? list(element.name, check) : single(element.name, check);
  }

  /** All that there is to check of one value of an element. */
  #checks(element: ElementDefinition, parent: TypeDefinition): readonly ValueCheck[] {
    const { name, type, choice, targets } = element;
    const path = `${parent.name}.${choice === undefined ? name : `${choice}[x]`}`;
    const rules = this.#elements.at(path);
    const definition = this.#definitions.type(type);
    const checks: ValueCheck[] = [];
    if (type === 'Resource') checks.push(name === 'contained' ? this.#contained : this.#nested);
    else if (definition?.kind === 'backbone' && type !== path)
      checks.push(this.#repeated(type, rules?.constraints ?? []));
    else if (definition !== undefined && definition.kind !== 'primitive') checks.push(this.#complex(type));
    if (type === 'Reference') checks.push(referenceCheck(targets, this.#definitions.resourceTypes));
    const bindings = this.#bindings(element, rules?.maxValueSet);
    checks.push(...(withShortFormats.has(path) ? bindings.map(unlessShort) : bindings));
    checks.push(...elementRules(element, parent));
    // A backbone element's are those of its type.
    if (rules !== undefined && definition?.kind !== 'backbone') {
      const added = rules.profiles.flatMap((profile) => this.#elements.added(profile, type));
      const constraints = [...rules.constraints, ...added].filter(({ key }) => !handled.has(key));
      checks.push(...constraints.map((constraint) => invariantCheck(constraint, type, this.#definitions)));
    }
    return checks;
  }

  #bindings({ type, binding }: ElementDefinition, maxValueSet: string | undefined): readonly ValueCheck[] {
    const checks: ValueCheck[] = [];
    if (binding?.strength === 'required' || binding?.strength === 'extensible')
      checks.push(bindingCheck(type, { strength: binding.strength, codes: this.codes(binding.valueSet) }));
    if (maxValueSet !== undefined)
      checks.push(bindingCheck(type, { strength: 'required', codes: this.codes(maxValueSet) }));
    return checks;
  }

  /** The id and extensions of a primitive. */
  #extensions({ name, array }: ElementDefinition): MemberCheck {
    const check = this.#complex('Element');
    return array ? list(name, check) : single(name, check);
  }

  readonly #contained: ValueCheck = (value, walk) => {
    if (isObject(value)) walk.within(value, true, () => this.resource(walk));
  };

  readonly #nested: ValueCheck = (value, walk) => {
    if (isObject(value)) walk.within(value, false, () => this.resource(walk));
  };

  /** The check of a value of a complex type or backbone element. Looks the type up when first used. */
  #complex(name: string): ValueCheck {
    let type: CheckedType | undefined;
    return (value, walk) => {
      if (!isObject(value)) return;
      type ??= this.#type(name);
      this.#checkMembers(value, type, walk);
    };
  }

  /**
   * The check of a backbone element that is as another one (`contentReference`). Where it has the other's invariants by keys of its own,
   * as `TestScript.test.action.operation` has, these are checked instead.
   */
  #repeated(name: string, constraints: readonly Constraint[]): ValueCheck {
    if (constraints.length === 0) return this.#complex(name);
    let type: CheckedType | undefined;
    return (value, walk) => {
      if (!isObject(value)) return;
      type ??= { ...this.#type(name), invariants: this.#always(constraints, name) };
      this.#checkMembers(value, type, walk);
    };
  }

  #always(constraints: readonly Constraint[], type: string): readonly CheckedInvariant[] {
    return constraints.map((constraint) => ({
      reads: ALWAYS,
      check: invariantCheck(constraint, type, this.#definitions),
    }));
  }

  #checkMembers(object: JsonObject, type: CheckedType, walk: Walk): void {
    walk.budget.spend(1);
    let present = ALWAYS;
    for (const name in object) {
      const property = type.properties.get(name);
      if (property === undefined) continue;
      present |= property.bit;
      const member = object[name];
      if (property.check !== undefined && member !== undefined && member !== null) property.check(member, object, walk);
    }
    const { required } = type.bits;
    if ((present & required) !== required) missing(type, present, walk);
    for (const invariant of type.invariants)
      if ((invariant.reads & present) !== 0) invariant.check(object, walk, undefined);
    for (const rule of type.rules) rule(object, walk);
  }
}

function unlessShort(check: ValueCheck): ValueCheck {
  return (value, walk) => {
    if (typeof value !== 'string' || !shortFormats.has(value)) check(value, walk);
  };
}

function missing({ bits, name: type }: CheckedType, present: number, walk: Walk): void {
  for (const [name, bit] of bits.mandatory) {
    if ((present & bit) !== 0) continue;
    walk.error('required', 'cardinality', `must be there: ${type} has at least one`, walk.place.path(name));
  }
}

function single(name: string, check: ValueCheck): MemberCheck {
  return (member, _parent, walk) => {
    walk.place.enter(name);
    check(member, walk);
    walk.place.leave();
  };
}

function list(name: string, check: ValueCheck): MemberCheck {
  return (member, _parent, walk) => {
    if (!isArray(member)) return;
    walk.place.enter(name);
    walk.each(member, (item) => check(item, walk));
    walk.place.leave();
  };
}

function primitiveSingle(name: string, check: ValueCheck): MemberCheck {
  const other = `_${name}`;
  return (member, parent, walk) => {
    const beside = parent[other];
    walk.place.enter(name);
    check(member, walk, isObject(beside) ? beside : undefined);
    walk.place.leave();
  };
}

function primitiveList(name: string, check: ValueCheck): MemberCheck {
  const other = `_${name}`;
  return (member, parent, walk) => {
    if (!isArray(member)) return;
    const besides = parent[other];
    walk.place.enter(name);
    walk.each(member, (item, index) => {
      const beside = isArray(besides) ? besides[index] : undefined;
      walk.budget.spend(1);
      check(item, walk, isObject(beside) ? beside : undefined);
    });
    walk.place.leave();
  };
}
