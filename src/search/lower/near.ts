/** Values of `near`, the one special parameter of R4. https://hl7.org/fhir/R4/location.html#positional */
import { decimalKey, decimalText, isDecimal } from '../../fhir/decimal.ts';
import { mapKey } from '../../fhir/linear.ts';
import { conversion } from '../../fhir/ucum.ts';
import type { NearTest } from '../criteria.ts';
import { split, unescaped } from '../parse/value.ts';
import { badValue, type LowerContext } from './context.ts';

/** Kilometres where no distance is given: R4 leaves it to the server's discretion. */
const usual = 50;

const expected = 'a place; write latitude|longitude|distance|units, such as 48.1|11.5|5|km, in degrees';

/** `latitude|longitude`, with `|distance` in kilometres or also `|units`, a length of UCUM. Throws 400 for anything else. */
export function lowerNear(value: string, context: LowerContext): NearTest {
  const [latitude = '', longitude = '', far = '', units = '', ...rest] = split(value, '|').map(unescaped);
  const place = { latitude: degrees(latitude, 90), longitude: degrees(longitude, 180) };
  if (place.latitude === undefined || place.longitude === undefined || rest.length > 0) {
    throw badValue(context, value, expected);
  }
  const within = far === '' ? usual : kilometres(far, units === '' ? 'km' : units);
  if (within === undefined) {
    throw badValue(context, value, `${expected}; units are lengths of UCUM: km, m, [mi_us], [mi_i], [nmi_i]`);
  }
  return { kind: 'near', latitude: place.latitude, longitude: place.longitude, within };
}

function degrees(text: string, most: number): number | undefined {
  const number = isDecimal(text) ? Number(text) : Number.NaN;
  return Math.abs(number) <= most ? number : undefined;
}

function kilometres(distance: string, units: string): number | undefined {
  const map = units === 'km' ? undefined : conversion(units, 'km');
  if (!isDecimal(distance) || (units !== 'km' && map === undefined)) return undefined;
  const number = Number(map === undefined ? distance : decimalText(mapKey(decimalKey(distance), map)));
  return number >= 0 && Number.isFinite(number) ? number : undefined;
}
