/** From one of FHIRPath's types to another. https://hl7.org/fhirpath/N1/#conversion */
import { isDate, isDateTime, isTime } from '../../definitions/calendar.ts';
import { type CompileCall, itemsCode, onlyItem, testCode } from '../code.ts';
import { type Item, type Items, nothing, single } from '../item.ts';
import { amountOf } from '../quantity.ts';
import { system } from '../shapes.ts';

const integer = /^[+-]?[0-9]{1,15}$/;
const decimal = /^[+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?$/;
const quantity = /^([+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?)(?:\s+(?:'([^']{1,100})'|([a-z]{3,12})))?$/;

type Convert = (item: Item) => Items;

const yes = new Set(['true', 't', 'yes', 'y', '1', '1.0']);
const no = new Set(['false', 'f', 'no', 'n', '0', '0.0']);

const toBoolean: Convert = ({ value }) => {
  if (typeof value === 'boolean') return single(value, system.Boolean);
  const text = String(value).toLowerCase();
  return yes.has(text) ? single(true, system.Boolean) : no.has(text) ? single(false, system.Boolean) : nothing;
};

const toInteger: Convert = ({ value }) => {
  if (typeof value === 'number') return Number.isInteger(value) ? single(value, system.Integer) : nothing;
  if (typeof value === 'boolean') return single(value ? 1 : 0, system.Integer);
  return typeof value === 'string' && integer.test(value) ? single(Number(value), system.Integer) : nothing;
};

const toDecimal: Convert = ({ value }) => {
  if (typeof value === 'number') return single(value, system.Decimal);
  if (typeof value === 'boolean') return single(value ? 1 : 0, system.Decimal);
  return typeof value === 'string' && decimal.test(value) ? single(Number(value), system.Decimal) : nothing;
};

const toText: Convert = ({ value, shape }) => {
  if (shape.nature === 'quantity') {
    const amount = amountOf(value, shape.system);
    return amount === undefined ? nothing : single(`${amount.value} '${amount.unit || '1'}'`, system.String);
  }
  return typeof value === 'object' ? nothing : single(String(value), system.String);
};

const toQuantity: Convert = ({ value, shape }) => {
  if (shape.nature === 'quantity') {
    const amount = amountOf(value, shape.system);
    return amount === undefined ? nothing : single({ value: amount.value, unit: amount.unit }, system.Quantity);
  }
  if (typeof value === 'number') return single({ value, unit: '1' }, system.Quantity);
  if (typeof value === 'boolean') return single({ value: value ? 1 : 0, unit: '1' }, system.Quantity);
  const found = typeof value === 'string' ? quantity.exec(value) : null;
  if (found === null) return nothing;
  return single({ value: Number(found[1]), unit: found[2] ?? found[3] ?? '1' }, system.Quantity);
};

const toDate: Convert = ({ value }) => {
  if (typeof value !== 'string') return nothing;
  const text = isDateTime(value) ? value.slice(0, 10) : value;
  return isDate(text) ? single(text, system.Date) : nothing;
};

const toDateTime: Convert = ({ value }) =>
  typeof value === 'string' && (isDateTime(value) || isDate(value)) ? single(value, system.DateTime) : nothing;

const toTime: Convert = ({ value }) =>
  typeof value === 'string' && isTime(value) ? single(value, system.Time) : nothing;

function converting(convert: Convert): CompileCall {
  return ({ input }) =>
    itemsCode((self, scope) => {
      const item = onlyItem(input.items(self, scope));
      return item === undefined ? nothing : convert(item);
    });
}

function convertible(convert: Convert): CompileCall {
  return ({ input }) =>
    testCode((self, scope) => {
      const item = onlyItem(input.items(self, scope));
      return item === undefined ? undefined : convert(item).length > 0;
    });
}

const conversions: Readonly<Record<string, Convert>> = {
  Boolean: toBoolean,
  Integer: toInteger,
  Decimal: toDecimal,
  String: toText,
  Quantity: toQuantity,
  Date: toDate,
  DateTime: toDateTime,
  Time: toTime,
};

/** `toX` and `convertsToX`. */
export const conversion: Readonly<Record<string, CompileCall>> = Object.fromEntries(
  Object.entries(conversions).flatMap(([name, convert]) => [
    [`to${name}`, converting(convert)],
    [`convertsTo${name}`, convertible(convert)],
  ]),
);
