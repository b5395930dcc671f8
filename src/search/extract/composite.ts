/** Index values of composite parameters: one for each combination within a repetition. https://hl7.org/fhir/R4/search.html#composite */
import type { ComponentKind } from '../criteria.ts';
import type { IndexValue, SimpleValue } from '../entry.ts';
import type { Converter } from './converter.ts';
import { type PlanNode, type Slots, walk } from './plan.ts';

/** A component: its kind, and how its values are found from the composite's context and from the whole resource. */
export interface ComponentPlan {
  readonly part: ComponentKind;
  readonly context: PlanNode;
  readonly resource: PlanNode | undefined;
}

/** The converter of a composite's context: every combination of its components' values. */
export function compositeConverter(components: readonly ComponentPlan[]): Converter {
  // What is measured is rarer than what it is called, so the last component is looked at first.
  const order = components.map((component, n) => ({ component, n })).reverse();
  return (value, out, resource) => {
    const found: (readonly SimpleValue[])[] = [];
    for (const { component, n } of order) {
      const slots: Slots = [];
      walk(component.context, value, resource, slots);
      if (component.resource !== undefined) walk(component.resource, resource, resource, slots);
      const values = (slots[0] ?? []).filter((each) => fits(each, component.part));
      if (values.length === 0) return;
      found[n] = values;
    }
    combine(found, 0, [], out);
  };
}

/** Whether a store keeps such a value for the component: not the uri of another server's resource for a reference. */
function fits(value: IndexValue, { kind, textual }: ComponentKind): value is SimpleValue {
  return value.kind === (kind === 'token' && textual ? 'identifier' : kind);
}

function combine(
  found: readonly (readonly SimpleValue[])[],
  n: number,
  chosen: readonly SimpleValue[],
  out: IndexValue[],
): void {
  const values = found[n];
  if (values === undefined) {
    out.push({ kind: 'composite', components: chosen });
    return;
  }
  for (const value of values) combine(found, n + 1, [...chosen, value], out);
}
