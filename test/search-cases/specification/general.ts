/** Examples of errors, parameters of all resources, modifiers, prefixes, numbers and dates. https://hl7.org/fhir/R4/search.html */
import { observation, patient } from '../../http/searching.ts';
import type { Json } from '../../http/server.ts';
import { condition, reference, report, type Section } from './section.ts';

const empty = 'with the result of returning an empty search set, since the parameter cannot be satisfied';
const lipid = 'http://hl7.org/fhir/StructureDefinition/lipid';

const errors: Section = {
  anchor: 'errors',
  resources: [
    patient('1', { identifier: [{ system: 'http://example.com/fhir/identifier/mrn', value: '654321' }] }),
    observation('o', {
      subject: reference('Patient/1'),
      code: { coding: [{ system: 'http://loinc.org', code: '1234-1' }] },
    }),
    condition('c', { onsetDateTime: '2001-05-23' }),
  ],
  examples: [
    { query: 'Observation?subject=101', says: `A parameter may refer to a non-existent resource: ${empty}`, finds: '' },
    {
      query: 'Observation?patient.identifier=http://example.com/fhir/identifier/mrn|123456',
      says: `there is no patient for MRN 123456: ${empty}`,
      finds: '',
    },
    { query: 'Observation?code=loinc|1234-1', says: `A parameter may refer to an unknown code: ${empty}`, finds: '' },
    {
      query: 'Condition?onset=le1995',
      says: `A parameter may refer to a time that is out of scope: ${empty}`,
      finds: '',
      instead: { query: 'Condition?onset-date=le1995', because: 'R4 has onset-date' },
    },
    {
      query: 'Condition?onset:text=1995',
      says: 'A parameter may use an illegal or unacceptable modifier',
      finds: 'refused: not-supported',
      instead: { query: 'Condition?onset-date:text=1995', because: 'R4 has onset-date' },
    },
    {
      query: 'Condition?onset=23%20May%202009',
      says: 'A data time parameter may have incorrect format',
      finds: 'refused: value',
      instead: { query: 'Condition?onset-date=23%20May%202009', because: 'R4 has onset-date' },
    },
    {
      query: 'Patient?name=',
      says: 'Empty parameters are not an error - they are just ignored by the server',
      finds: '1',
    },
  ],
};

const all: Section = {
  anchor: 'all',
  earlier: { at: '2010-09-30T12:00:00Z', resources: [observation('before')] },
  resources: [
    patient('23'),
    patient('24'),
    observation('after'),
    condition('review', { meta: { tag: [{ system: 'http://acme.org/codes', code: 'needs-review' }] } }),
    condition('done', { meta: { tag: [{ system: 'http://acme.org/codes', code: 'done' }] } }),
    condition('elsewhere', { meta: { tag: [{ system: 'http://example.org', code: 'needs-review' }] } }),
    report('lipid', { meta: { profile: [lipid] } }),
    report('relative', { meta: { profile: ['Profile/lipid'] } }),
    report('none'),
  ],
  examples: [
    { query: 'Patient?_id=23', says: 'This search finds the patient resource with the given id', finds: '23' },
    {
      query: 'Observation?_lastUpdated=gt2010-10-01',
      says: 'This search finds any observations changed since 1-Oct 2010',
      finds: 'after',
    },
    {
      query: 'Condition?_tag=http://acme.org/codes|needs-review',
      says: 'searches for all Condition resources with the tag',
      finds: 'review',
    },
    {
      query: `DiagnosticReport?_profile=${lipid}`,
      says: 'restricts the search to only DiagnosticReport resources that are tagged as conforming to a particular profile',
      finds: 'lipid',
    },
    {
      // The page calls _profile a reference here, its own table and its definition a uri, which matches as it is written.
      query: 'DiagnosticReport?_profile=Profile/lipid',
      says: 'The second reference is relative and refers a local profile on the same server',
      finds: 'relative',
    },
  ],
};

const modifiers: Section = {
  anchor: 'modifiers',
  resources: [
    patient('bill', { gender: 'male', name: [{ given: ['Bill'] }] }),
    patient('billy', { gender: 'male', name: [{ given: ['Billy'] }] }),
    patient('small', { gender: 'female', name: [{ given: ['bill'] }] }),
    patient('none'),
    patient('extended', {
      _gender: {
        extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'asked-declined' }],
      },
    }),
  ],
  examples: [
    {
      query: 'Patient?gender:missing=true',
      says: ':missing=true will match on all elements where either the underlying element is omitted or where the element is present with extensions but no @value is specified',
      finds: 'extended none',
    },
    {
      query: 'Patient?gender:missing=false',
      says: 'will return all the resources that have a value for the gender parameter',
      finds: 'bill billy small',
    },
    {
      query: 'Patient?name:exact=Bill',
      says: 'results that match the entire supplied parameter, including casing and combining characters',
      finds: 'bill',
    },
  ],
};

function chargeItem(factorOverride: number): Json {
  const id = `v${factorOverride}`;
  const subject = reference('Patient/1');
  return { resourceType: 'ChargeItem', id, status: 'billable', code: { text: 'x' }, subject, factorOverride };
}

function risk(id: string, probabilityDecimal: number): Json {
  const subject = reference('Patient/1');
  return { resourceType: 'RiskAssessment', id, status: 'final', subject, prediction: [{ probabilityDecimal }] };
}

function sequence(id: string, windowStart: number): Json {
  return { resourceType: 'MolecularSequence', id, coordinateSystem: 0, referenceSeq: { windowStart } };
}

const numbers: Section = {
  anchor: 'number',
  resources: [
    ...[94.9, 95, 99.4, 99.5, 99.996, 100, 100.4, 100.5, 104.9, 105].map(chargeItem),
    risk('less', 0.79),
    risk('equal', 0.8),
    risk('more', 0.81),
    sequence('two', 2),
    sequence('three', 3),
  ],
  examples: [
    {
      query: 'ChargeItem?factor-override=100',
      says: 'Values that equal 100, to 3 significant figures precision: [99.5 ... 100.5)',
      finds: 'v100 v100.4 v99.5 v99.996',
    },
    {
      query: 'ChargeItem?factor-override=100.00',
      says: 'Values that equal 100, to 5 significant figures precision: [99.995 ... 100.005)',
      finds: 'v100 v99.996',
    },
    {
      query: 'ChargeItem?factor-override=1e2',
      says: 'Values that equal 100, to 1 significant figures precision: [95 ... 105)',
      finds: 'v100 v100.4 v100.5 v104.9 v95 v99.4 v99.5 v99.996',
    },
    {
      query: 'ChargeItem?factor-override=lt100',
      says: 'Values that are less than exactly 100',
      finds: 'v94.9 v95 v99.4 v99.5 v99.996',
    },
    {
      query: 'ChargeItem?factor-override=le100',
      says: 'Values that are less or equal to exactly 100',
      finds: 'v100 v94.9 v95 v99.4 v99.5 v99.996',
    },
    {
      query: 'ChargeItem?factor-override=gt100',
      says: 'Values that are greater than exactly 100',
      finds: 'v100.4 v100.5 v104.9 v105',
    },
    {
      query: 'ChargeItem?factor-override=ge100',
      says: 'Values that are greater or equal to exactly 100',
      finds: 'v100 v100.4 v100.5 v104.9 v105',
    },
    {
      query: 'ChargeItem?factor-override=ne100',
      says: 'Values that are not equal to 100 (actually, in the range 99.5 to 100.5)',
      finds: 'v100.5 v104.9 v105 v94.9 v95 v99.4',
    },
    {
      query: 'RiskAssessment?probability=gt0.8',
      says: 'Search for all the Risk Assessments with probability great than 0.8',
      finds: 'more',
    },
    {
      query: 'RiskAssessment?probability=gt8e-1',
      says: 'could also be probability=gt8e-1 using exponential form',
      finds: 'more',
    },
    {
      query: 'ImmunizationRecommendation?dose-number=2',
      says: 'Search for any immunization recommendation recommending a second dose: a simple integer, exact',
      finds: 'two',
      instead: {
        query: 'MolecularSequence?window-start=2',
        because: 'R4 has no dose-number; this is an integer that it has a parameter for',
      },
    },
    {
      query: 'MolecularSequence?window-start=2.5',
      says: 'if there are non-zero digits after a decimal point, there cannot be any matches',
      finds: '',
    },
  ],
};

function procedure(id: string, subject: string, when: Json): Json {
  const performed = typeof when === 'string' ? { performedDateTime: when } : { performedPeriod: when };
  return { resourceType: 'Procedure', id, status: 'completed', subject: reference(subject), ...performed };
}

const dates: Section = {
  anchor: 'date',
  resources: [
    observation('midnight', { effectiveDateTime: '2013-01-14T00:00:00Z' }),
    observation('ten', { effectiveDateTime: '2013-01-14T10:00:00Z' }),
    observation('next', { effectiveDateTime: '2013-01-15T00:00:00Z' }),
    observation('day', { effectiveDateTime: '2013-01-14' }),
    observation('from-21-jan', { effectivePeriod: { start: '2013-01-21' } }),
    observation('from-15-mar', { effectivePeriod: { start: '2013-03-15' } }),
    observation('until-21-jan', { effectivePeriod: { end: '2013-01-21' } }),
    patient('23'),
    procedure('first', 'Patient/23', '2010-01-01'),
    procedure('last', 'Patient/23', '2011-12-31'),
    procedure('across', 'Patient/23', { start: '2011-12-30', end: '2012-01-02' }),
    procedure('before', 'Patient/23', '2009-12-31'),
    procedure('after', 'Patient/23', '2012-01-01'),
    procedure('of-another', 'Patient/24', '2010-06-01'),
  ],
  examples: [
    {
      query: 'Observation?date=eq2013-01-14',
      says: '2013-01-14T00:00 matches (obviously); 2013-01-14T10:00 matches; 2013-01-15T00:00 does not match',
      finds: 'day midnight ten',
    },
    {
      query: 'Observation?date=ne2013-01-14',
      says: '2013-01-15T00:00 matches; 2013-01-14T00:00 does not match; 2013-01-14T10:00 does not match',
      finds: 'from-15-mar from-21-jan next until-21-jan',
    },
    {
      query: 'Observation?date=lt2013-01-14T10:00',
      says: '2013-01-14 matches, because it includes the part of 14-Jan 2013 before 10am',
      finds: 'day midnight until-21-jan',
    },
    {
      query: 'Observation?date=gt2013-01-14T10:00',
      says: '2013-01-14 matches, because it includes the part of 14-Jan 2013 after 10am',
      finds: 'day from-15-mar from-21-jan next until-21-jan',
    },
    {
      query: 'Observation?date=ge2013-03-14',
      says: '"from 21-Jan 2013 onwards" is included because that period may include times after 14-Mar 2013',
      finds: 'from-15-mar from-21-jan',
    },
    {
      query: 'Observation?date=le2013-03-14',
      says: '"from 21-Jan 2013 onwards" is included because that period may include times before 14-Mar 2013',
      finds: 'day from-21-jan midnight next ten until-21-jan',
    },
    {
      query: 'Observation?date=sa2013-03-14',
      says: '"from 15-Mar 2013 onwards" is included; "from 21-Jan 2013 onwards" is not included; "before and including 21-Jan 2013" is not included',
      finds: 'from-15-mar',
    },
    {
      query: 'Observation?date=eb2013-03-14',
      says: '"from 15-Mar 2013 onwards" is not included; "from 21-Jan 2013 onwards" is not included; "before and including 21-Jan 2013" is included',
      finds: 'day midnight next ten until-21-jan',
    },
    {
      query: 'Patient/23/Procedure?date=ge2010-01-01&date=le2011-12-31',
      says: 'all the procedures in a patient compartment that occurred over a 2-year period',
      finds: 'across first last',
    },
  ],
};

const approximateDates: Section = {
  anchor: 'date',
  // "10% of the gap between now and the date": then eight days.
  now: '2013-06-01T00:00:00Z',
  resources: [
    observation('14-mar', { effectiveDateTime: '2013-03-14' }),
    observation('21-jan', { effectiveDateTime: '2013-01-21' }),
    observation('15-jun-2015', { effectiveDateTime: '2015-06-15' }),
  ],
  examples: [
    {
      query: 'Observation?date=ap2013-03-14',
      says: '14-Mar 2013 is included - as it exactly matches; 21-Jan 2013 is not included; 15-Jun 2015 is not included - as it is not near 14-Mar 2013',
      finds: '14-mar',
    },
  ],
};

export const general: readonly Section[] = [errors, all, modifiers, numbers, dates, approximateDates];
