/** The types of values as expressions see them: children under the names of elements, choices under one. https://hl7.org/fhir/R4/fhirpath.html#polymorphism */
import type { Definitions } from '../definitions/definitions.ts';
import type { TypeName } from './syntax.ts';

/** What shapes are made of. */
export type TypeSource = Pick<Definitions, 'type' | 'resourceTypes'>;

/** What a value is to operators. */
export type Nature =
  | 'string'
  | 'boolean'
  | 'integer'
  | 'decimal'
  | 'date'
  | 'dateTime'
  | 'time'
  | 'quantity'
  | 'object';

/** A JSON property that holds children of a name. */
export interface Member {
  readonly property: string;
  /** The property with ids and extensions of a primitive. */
  readonly beside: string | undefined;
  readonly shape: Shape;
}

/** A type of FHIR, or one of FHIRPath's own (`System.String`). */
export interface Shape {
  readonly name: string;
  readonly system: boolean;
  readonly primitive: boolean;
  /** Whether its values say their own type: resources. */
  readonly resource: boolean;
  readonly nature: Nature;
  /** Its own name and those of the types it specialises. */
  readonly names: ReadonlySet<string>;
  /** The member that a JSON property belongs to, `_name` too; undefined for one that isn't R4's. */
  holding(property: string): Member | undefined;
  /** The members of a name; none if it hasn't it. */
  named(name: string): readonly Member[];
}

const natures: Readonly<Record<string, Nature>> = {
  boolean: 'boolean',
  integer: 'integer',
  positiveInt: 'integer',
  unsignedInt: 'integer',
  decimal: 'decimal',
  date: 'date',
  dateTime: 'dateTime',
  instant: 'dateTime',
  time: 'time',
};

const none: readonly Member[] = [];

/** Of how many names a type remembers what they mean: expressions of clients may have any. */
const mostNames = 1_000;

/** FHIRPath's own types. https://hl7.org/fhirpath/N1/#types-and-reflection */
function systemShape(name: string, nature: Nature): Shape {
  return {
    name,
    system: true,
    primitive: true,
    resource: false,
    nature,
    names: new Set([name, 'Any']),
    holding: () => undefined,
    named: () => none,
  };
}

export const system = {
  Boolean: systemShape('Boolean', 'boolean'),
  String: systemShape('String', 'string'),
  Integer: systemShape('Integer', 'integer'),
  Decimal: systemShape('Decimal', 'decimal'),
  Date: systemShape('Date', 'date'),
  DateTime: systemShape('DateTime', 'dateTime'),
  Time: systemShape('Time', 'time'),
  Quantity: systemShape('Quantity', 'quantity'),
} as const;

const systemNames: ReadonlySet<string> = new Set([...Object.keys(system), 'Any']);

/** A type of R4, expanded when it is first walked through. */
class DefinedShape implements Shape {
  readonly name: string;
  readonly system = false;
  readonly primitive: boolean;
  readonly resource: boolean;
  readonly nature: Nature;
  readonly names: ReadonlySet<string>;
  readonly #shapes: Shapes;
  #members: ReadonlyMap<string, Member> | undefined;
  readonly #named = new Map<string, readonly Member[]>();

  constructor(name: string, shapes: Shapes) {
    this.name = name;
    this.#shapes = shapes;
    const type = shapes.definitions.type(name);
    this.primitive = type?.kind === 'primitive';
    this.resource = type?.kind === 'resource';
    const names = new Set<string>();
    for (let at = type; at !== undefined; at = at.base === undefined ? undefined : shapes.definitions.type(at.base))
      names.add(at.name);
    this.names = names;
    this.nature = natures[name] ?? (this.primitive ? 'string' : names.has('Quantity') ? 'quantity' : 'object');
  }

  holding(property: string): Member | undefined {
    this.#members ??= this.#expanded();
    return this.#members.get(property);
  }

  named(name: string): readonly Member[] {
    const known = this.#named.get(name);
    if (known !== undefined) return known;
    const found: Member[] = [];
    for (const element of this.#elements()) {
      const member = element.choice === name || element.name === name ? this.holding(element.name) : undefined;
      if (member !== undefined) found.push(member);
    }
    if (this.#named.size >= mostNames) this.#named.clear();
    this.#named.set(name, found);
    return found;
  }

  #expanded(): ReadonlyMap<string, Member> {
    const members = new Map<string, Member>();
    for (const { name, type, extensible } of this.#elements()) {
      const beside = extensible ? `_${name}` : undefined;
      const member: Member = { property: name, beside, shape: this.#shapes.of(type) };
      members.set(name, member);
      if (beside !== undefined) members.set(beside, member);
    }
    return members;
  }

  #elements() {
    const { definitions } = this.#shapes;
    // A primitive's own children are those of any element, beside it in JSON.
    const type = definitions.type(this.primitive ? 'Element' : this.name);
    return type?.elements.values() ?? [];
  }
}

/** The shapes of R4's types. */
export class Shapes {
  readonly definitions: TypeSource;
  readonly #known = new Map<string, Shape>();

  constructor(definitions: TypeSource) {
    this.definitions = definitions;
  }

  /** Of a type's name (`Patient`, `Patient.contact`, `code`); an unknown one has no members. */
  of(name: string): Shape {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const shape = new DefinedShape(name, this);
    this.#known.set(name, shape);
    return shape;
  }

  /** Of a resource, by its own word where that is a type of R4. */
  ofResource(resourceType: unknown): Shape {
    const known = typeof resourceType === 'string' && this.definitions.resourceTypes.has(resourceType);
    return this.of(known ? resourceType : 'Resource');
  }

  /** Whether a shape is of a type or specialises it. An unqualified name is FHIR's, or else FHIRPath's own. */
  test({ namespace, name }: TypeName): ((shape: Shape) => boolean) | undefined {
    const fhir = this.definitions.type(name) !== undefined;
    if (namespace === 'FHIR' || (namespace === undefined && fhir))
      return fhir ? (shape) => !shape.system && shape.names.has(name) : undefined;
    if ((namespace !== undefined && namespace !== 'System') || !systemNames.has(name)) return undefined;
    return (shape) => shape.system && shape.names.has(name);
  }
}

const known = new WeakMap<TypeSource, Shapes>();

/** The shapes of these definitions, made once. */
export function shapesOf(definitions: TypeSource): Shapes {
  let shapes = known.get(definitions);
  if (shapes === undefined) {
    shapes = new Shapes(definitions);
    known.set(definitions, shapes);
  }
  return shapes;
}
