/** Numbers. https://hl7.org/fhirpath/N1/#math */
import { number } from '../arithmetic.ts';
import { type CompileCall, itemsCode, onlyNumber } from '../code.ts';
import { nothing } from '../item.ts';
import { argument, optional } from './arguments.ts';

/** A function of one number; `whole`: it gives integers. */
function of(change: (value: number) => number, whole: boolean): CompileCall {
  return ({ input }) =>
    itemsCode((self, scope) => {
      const value = onlyNumber(input.items(self, scope));
      return value === undefined ? nothing : number(change(value), whole);
    });
}

function ofTwo(change: (value: number, other: number) => number): CompileCall {
  return (call) => {
    const other = argument(call);
    return itemsCode((self, scope) => {
      const value = onlyNumber(call.input.items(self, scope));
      const by = onlyNumber(other.items(self, scope));
      return value === undefined || by === undefined ? nothing : number(change(value, by), false);
    });
  };
}

const round: CompileCall = (call) => {
  const digits = optional(call);
  return itemsCode((self, scope) => {
    const value = onlyNumber(call.input.items(self, scope));
    if (value === undefined) return nothing;
    const places = digits === undefined ? 0 : (onlyNumber(digits.items(self, scope)) ?? 0);
    // By text: 1.005 is to be rounded as it is written.
    const [mantissa, exponent = '0'] = String(Math.abs(value)).split('e');
    const rounded = Number(`${Math.round(Number(`${mantissa}e${Number(exponent) + places}`))}e${-places}`);
    return number(value < 0 ? -rounded : rounded, false);
  });
};

const abs: CompileCall = ({ input }) =>
  itemsCode((self, scope) => {
    const items = input.items(self, scope);
    const value = onlyNumber(items);
    return value === undefined ? nothing : number(Math.abs(value), items[0]?.shape.nature === 'integer');
  });

export const math: Readonly<Record<string, CompileCall>> = {
  abs,
  ceiling: of(Math.ceil, true),
  floor: of(Math.floor, true),
  truncate: of(Math.trunc, true),
  round,
  exp: of(Math.exp, false),
  ln: of(Math.log, false),
  sqrt: of(Math.sqrt, false),
  log: ofTwo((value, base) => Math.log(value) / Math.log(base)),
  power: ofTwo((value, by) => value ** by),
};
