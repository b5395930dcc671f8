import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dateRange, isTimezone } from '../../src/fhir/period.ts';

const HOUR = 3_600_000;

/** The range as two instants, for texts of whole milliseconds. */
function instants(text: string, timezone = 'UTC'): readonly string[] | undefined {
  const range = dateRange(text, timezone);
  return range === undefined ? undefined : [new Date(range.low).toISOString(), new Date(range.high).toISOString()];
}

function lowOf(text: string): number {
  return dateRange(text, 'UTC')?.low ?? Number.NaN;
}

describe('dateRange', () => {
  test.each([
    ['2020', '2020-01-01T00:00:00.000Z', '2021-01-01T00:00:00.000Z'],
    ['2020-02', '2020-02-01T00:00:00.000Z', '2020-03-01T00:00:00.000Z'],
    ['2020-12', '2020-12-01T00:00:00.000Z', '2021-01-01T00:00:00.000Z'],
    ['2020-02-29', '2020-02-29T00:00:00.000Z', '2020-03-01T00:00:00.000Z'],
    ['2020-12-31', '2020-12-31T00:00:00.000Z', '2021-01-01T00:00:00.000Z'],
    ['2020-01-01T10:30', '2020-01-01T10:30:00.000Z', '2020-01-01T10:31:00.000Z'],
    ['2020-01-01T10:30Z', '2020-01-01T10:30:00.000Z', '2020-01-01T10:31:00.000Z'],
    ['2020-01-01T10:30+05:30', '2020-01-01T05:00:00.000Z', '2020-01-01T05:01:00.000Z'],
    ['2020-01-01T00:30:15-02:00', '2020-01-01T02:30:15.000Z', '2020-01-01T02:30:16.000Z'],
    ['2020-01-01T00:30:15.5Z', '2020-01-01T00:30:15.500Z', '2020-01-01T00:30:15.600Z'],
    ['2020-01-01T00:30:15.05Z', '2020-01-01T00:30:15.050Z', '2020-01-01T00:30:15.060Z'],
    ['2020-01-01T00:30:15.123+14:00', '2019-12-31T10:30:15.123Z', '2019-12-31T10:30:15.124Z'],
    ['1969-12-31T23:59:59.9Z', '1969-12-31T23:59:59.900Z', '1970-01-01T00:00:00.000Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z', '2017-01-01T00:00:01.000Z'],
    ['0001-01-01', '0001-01-01T00:00:00.000Z', '0001-01-02T00:00:00.000Z'],
    ['9999', '9999-01-01T00:00:00.000Z', '+010000-01-01T00:00:00.000Z'],
  ])('of %s is [%s, %s)', (text, low, high) => {
    expect(instants(text)).toEqual([low, high]);
  });

  test.each([
    '',
    '20',
    '20200',
    '0000',
    '2020-',
    '2020-13',
    '2020-00',
    '2020-1',
    '2020-1-01',
    '2020-02-30',
    '2019-02-29',
    '1900-02-29',
    '2020-04-31',
    '2020-01-00',
    '2020-01-32',
    '2020/01/01',
    '2020-01-01T',
    '2020-01-01T10',
    '2020-01-01T10Z',
    '2020-01-01Z',
    '2020-01-01T24:00:00Z',
    '2020-01-01T25:00',
    '2020-01-01T10:60:00Z',
    '2020-01-01T10:00:61Z',
    '2020-01-01T10:00:00.Z',
    '2020-01-01T10:00:00,5Z',
    '2020-01-01T10:00.5Z',
    '2020-01-01t10:00:00Z',
    '2020-01-01 10:00:00Z',
    '2020-01-01T10:00:00z',
    '2020-01-01T10:00:00 02:00',
    '2020-01-01T10:00:00+2:00',
    '2020-01-01T10:00:00+0200',
    '2020-01-01T10:00:00+02',
    '2020-01-01T10:00:00+02:60',
    '2020-01-01T10:00:00+14:01',
    '2020-01-01T10:00:00+02:00Z',
    '2020-01-01T10:00:00Z ',
    ' 2020-01-01',
    '-2020-01-01',
    '٢٠٢٠',
    'today',
  ])('of %j is undefined', (text) => {
    expect(dateRange(text, 'UTC')).toBeUndefined();
  });

  test('agrees with Date on every day', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }),
        (date) => {
          const text = date.toISOString();
          expect(dateRange(text, 'America/Chicago')).toEqual({ low: date.getTime(), high: date.getTime() + 1 });
          const day = Date.parse(`${text.slice(0, 10)}T00:00:00Z`);
          expect(dateRange(text.slice(0, 10), 'UTC')).toEqual({ low: day, high: day + 24 * HOUR });
        },
      ),
    );
  });

  test('a more precise text means a part of the range', () => {
    const date = fc.date({
      min: new Date('1850-01-01T00:00:00Z'),
      max: new Date('2100-01-01T00:00:00Z'),
      noInvalidDate: true,
    });
    const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', '-03:30');
    fc.assert(
      fc.property(date, fc.stringMatching(/^[0-9]{1,25}$/), zone, (instant, fraction, timezone) => {
        const second = instant.toISOString().slice(0, 19);
        let outer = dateRange(second.slice(0, 4), timezone);
        for (const text of [second.slice(0, 7), second.slice(0, 10)]) {
          const inner = dateRange(text, timezone);
          if (outer === undefined || inner === undefined) throw new Error(`no range of ${text}`);
          expect(outer.low <= inner.low && inner.low < inner.high && inner.high <= outer.high).toBe(true);
          outer = inner;
        }
        outer = dateRange(`${second}Z`, timezone);
        for (let length = 1; length <= fraction.length; length++) {
          const inner = dateRange(`${second}.${fraction.slice(0, length)}Z`, timezone);
          if (outer === undefined || inner === undefined) throw new Error(`no range of ${second}.${fraction}`);
          // Rounded to a double, what lies within may touch the end.
          expect(outer.low <= inner.low && inner.low < inner.high && inner.low <= outer.high).toBe(true);
          outer = inner;
        }
      }),
    );
  });

  test('fractions of any length are rounded correctly', () => {
    const second = fc.integer({ min: -60_000_000_000, max: 253_000_000_000 });
    fc.assert(
      fc.property(second, fc.stringMatching(/^[0-9]{1,30}$/), (seconds, fraction) => {
        const text = new Date(seconds * 1000).toISOString();
        const low = lowOf(`${text.slice(0, 19)}.${fraction}Z`);
        const exact = BigInt(seconds) * 10n ** BigInt(fraction.length) + BigInt(fraction);
        expect(low).toBe(Number(`${exact}e${3 - fraction.length}`));
        // Equal times have equal lower ends, whatever their precision.
        expect(lowOf(`${text.slice(0, 19)}.${fraction}000Z`)).toBe(low);
      }),
    );
  });

  test('seven digits of a second', () => {
    expect(dateRange('1970-01-01T00:00:12.1234567Z', 'UTC')).toEqual({ low: 12123.4567, high: 12123.4568 });
  });

  test('a day without a time has the length it has in the zone', () => {
    expect(instants('2020-03-29', 'Europe/Berlin')).toEqual(['2020-03-28T23:00:00.000Z', '2020-03-29T22:00:00.000Z']);
    expect(instants('2020-10-25', 'Europe/Berlin')).toEqual(['2020-10-24T22:00:00.000Z', '2020-10-25T23:00:00.000Z']);
    expect(instants('2020-01-01', '+05:30')).toEqual(['2019-12-31T18:30:00.000Z', '2020-01-01T18:30:00.000Z']);
    expect(instants('2020', 'America/New_York')).toEqual(['2020-01-01T05:00:00.000Z', '2021-01-01T05:00:00.000Z']);
  });

  test('a day whose midnight was skipped begins with its first instant', () => {
    expect(instants('2018-11-04', 'America/Sao_Paulo')).toEqual([
      '2018-11-04T03:00:00.000Z',
      '2018-11-05T02:00:00.000Z',
    ]);
    expect(instants('1919-03-31', 'America/Toronto')).toEqual(['1919-03-31T04:30:00.000Z', '1919-04-01T04:00:00.000Z']);
  });

  test('days follow each other without gap or overlap in any zone', () => {
    const zones = [
      'Europe/Berlin',
      'America/Sao_Paulo',
      'Pacific/Apia',
      'Africa/Casablanca',
      'Asia/Tehran',
      'Australia/Lord_Howe',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: 1890, max: 2040 }), (timezone, year) => {
        const whole = dateRange(String(year), timezone);
        let end = whole?.low;
        for (let day = Date.UTC(year, 0, 1); day < Date.UTC(year + 1, 0, 1); day += 24 * HOUR) {
          const range = dateRange(new Date(day).toISOString().slice(0, 10), timezone);
          expect(range?.low).toBe(end);
          end = range?.high;
        }
        expect(end).toBe(whole?.high);
      }),
      { numRuns: 20 },
    );
  });

  test('a time without a zone is meant in the given one', () => {
    expect(instants('2020-07-01T10:00', 'Europe/Berlin')).toEqual([
      '2020-07-01T08:00:00.000Z',
      '2020-07-01T08:01:00.000Z',
    ]);
    expect(instants('2020-01-01T10:00:00.5', 'Europe/Berlin')?.[0]).toBe('2020-01-01T09:00:00.500Z');
    expect(instants('2020-07-01T10:00:00Z', 'Europe/Berlin')?.[0]).toBe('2020-07-01T10:00:00.000Z');
    // Skipped: the instant after the gap. Twice: the first.
    expect(instants('2020-03-29T02:30', 'Europe/Berlin')?.[0]).toBe('2020-03-29T01:00:00.000Z');
    expect(instants('2020-10-25T02:30', 'Europe/Berlin')?.[0]).toBe('2020-10-25T00:30:00.000Z');
  });

  test('the rules of a zone hold for years far ahead', () => {
    for (const zone of ['Europe/Berlin', 'America/New_York', 'Africa/Casablanca', 'Australia/Lord_Howe']) {
      const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
      for (const year of [2099, 2400, 2499, 2500, 2899, 2900, 5003, 9999]) {
        for (let month = 1; month <= 12; month++) {
          for (const day of ['01', '15', '28']) {
            const text = `${year}-${String(month).padStart(2, '0')}-${day}T12:30:00`;
            const low = dateRange(text, zone)?.low;
            expect(clock.format(low), `${text} in ${zone}`).toBe(text.replace('T', ' '));
          }
        }
      }
    }
  });

  test('throws for a zone that nobody knows', () => {
    expect(() => dateRange('2020', 'Nowhere/City')).toThrow(RangeError);
  });
});

describe('isTimezone', () => {
  test.each(['UTC', 'Z', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', '+02:00', '-14:00', '+00:00'])(
    'takes %s',
    (name) => {
      expect(isTimezone(name)).toBe(true);
    },
  );
  test.each(['', 'Berlin', 'Europe/', '+2:00', '+15:00', '+14:01', '02:00', '+02:00:00'])('refuses %j', (name) => {
    expect(isTimezone(name)).toBe(false);
  });
});
