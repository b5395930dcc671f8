/** Index values of positions. https://hl7.org/fhir/R4/location.html#positional */
import { isObject, type JsonValue } from '../../fhir/resource.ts';
import type { Converter } from './converter.ts';

/** The element that has positions. */
const positions = 'Location.position';

/** The converter of an element's type, undefined for all but Location.position. */
export function positionConverter(type: string): Converter | undefined {
  if (type !== positions) return undefined;
  return (value, out) => {
    if (!isObject(value)) return;
    const latitude = degrees(value.latitude, 90);
    const longitude = degrees(value.longitude, 180);
    if (latitude === undefined || longitude === undefined) return;
    out.push({ kind: 'position', latitude, longitude });
  };
}

/** A JSON number, or the text of one that a double can't hold. */
function degrees(value: JsonValue | undefined, most: number): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const number = Number(value);
  return Math.abs(number) <= most ? number : undefined;
}
