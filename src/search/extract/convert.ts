/** Which converter serves which parameter type and data type. https://hl7.org/fhir/R4/search.html#ptypes */
import type { CompanionKind } from '../companion.ts';
import type { ComponentKind } from '../criteria.ts';
import type { ConvertContext, Converter } from './converter.ts';
import { dateConverter } from './date.ts';
import { numberConverter, precisionConverter } from './number.ts';
import { ofTypeConverter } from './of-type.ts';
import { positionConverter } from './position.ts';
import { quantityConverter } from './quantity.ts';
import { referenceConverter } from './reference.ts';
import { stringConverter } from './string.ts';
import { textConverter } from './text.ts';
import { tokenConverter } from './token.ts';
import { uriConverter } from './uri.ts';
import type { Values } from './values.ts';

/** What of a parameter, or of a composite's component, decides how its values are converted. */
export interface Convertible extends Pick<ComponentKind, 'textual'> {
  readonly kind: ComponentKind['kind'] | 'composite' | 'special' | CompanionKind;
  readonly targets: readonly string[];
  readonly values: Pick<Values, 'folded'>;
}

/** What is known of the element that the values stand in. */
export interface Place {
  /** The system of a `code` element's required binding. */
  readonly system: string | undefined;
  /** Whether it is a family or given name. */
  readonly namePart: boolean;
}

/** The converter of values of a data type; undefined where the parameter has no values of that type. */
export function converterOf(
  parameter: Convertible,
  type: string,
  place: Place,
  context: ConvertContext,
): Converter | undefined {
  switch (parameter.kind) {
    case 'string':
      return stringConverter(type, place.namePart);
    case 'token':
      return tokenConverter(type, { textual: parameter.textual, folded: parameter.values.folded }, place.system);
    case 'date':
      return dateConverter(type, context.timezone);
    case 'number':
      return numberConverter(type);
    case 'quantity':
      return quantityConverter(type);
    case 'reference':
      return referenceConverter(type, parameter.targets, context.baseUrl);
    case 'uri':
      return uriConverter(type);
    case 'special':
      return positionConverter(type);
    case 'text':
      return textConverter(type);
    case 'of-type':
      return ofTypeConverter(type);
    case 'precision':
      return precisionConverter(type);
    case 'composite':
      return undefined;
  }
}
