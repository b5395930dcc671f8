/** Narratives: well-formed XHTML, nothing but what R4 allows, some content. https://hl7.org/fhir/R4/narrative.html#xhtml */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkNarrative, parseNarrative } from '../../src/validation/narrative.ts';
import { isPlain } from '../../src/validation/plain-xhtml.ts';

const div = (content: string): string => `<div xmlns="http://www.w3.org/1999/xhtml">${content}</div>`;

const sound: readonly string[] = [
  div('text'),
  div('<p>One<br/>two</p>'),
  div('<a name="x" href="https://example.org/?a=1&amp;b=2">link</a>'),
  div('<img src="#chart" alt="a chart"/>'),
  div(
    '<table class="grid"><thead><tr><th scope="col">a</th></tr></thead><tbody><tr><td colspan="2">1 &lt; 2</td></tr></tbody></table>',
  ),
  div('<p style=\'color: red\' xml:lang="de">&#196;pfel &#x2264; 3 &#39;</p>'),
  div('<!-- a comment -->text'),
  div('<![CDATA[text]]>'),
];

const faulty: readonly (readonly [string, 'txt-1' | 'txt-2', RegExp])[] = [
  [div('<script>run()</script>'), 'txt-1', /script/],
  [div('<p onclick="run()">x</p>'), 'txt-1', /onclick/],
  [div('<a href="javascript:run()">x</a>'), 'txt-1', /scripts in href/],
  [div('<a href=" java&#10;script:run()">x</a>'), 'txt-1', /scripts in href/],
  [div('<p style="width: expression(run())">x</p>'), 'txt-1', /style/],
  [div('<form><input/></form>'), 'txt-1', /form/],
  [div('<iframe src="https://example.org"></iframe>'), 'txt-1', /iframe/],
  [div('<svg xmlns="http://www.w3.org/2000/svg"></svg>'), 'txt-1', /svg/],
  [div('<p xmlns="http://example.org">x</p>'), 'txt-1', /namespaces/],
  [div('<P>x</P>'), 'txt-1', /"P"/],
  [div('<p>x'), 'txt-1', /well-formed/],
  [div('<p>x</b></p>'), 'txt-1', /well-formed/],
  [div('a &nbsp; b'), 'txt-1', /well-formed/],
  [div('a & b'), 'txt-1', /well-formed/],
  [div('<p class="a" class="b">x</p>'), 'txt-1', /well-formed/],
  ['<div>x</div>', 'txt-1', /xmlns/],
  ['<div xmlns="http://example.org">x</div>', 'txt-1', /xmlns/],
  [`<?xml version="1.0"?>${div('x')}`, 'txt-1', /XML declaration/],
  [`${div('x')}${div('y')}`, 'txt-1', /well-formed/],
  [div(' <p> \n </p>'), 'txt-2', /content/],
  [div(''), 'txt-2', /content/],
];

describe('a narrative', () => {
  it.each(sound)('may be %s', (text) => {
    expect(checkNarrative(text)).toBeUndefined();
  });

  it.each(faulty)('can not be %s', (text, rule, message) => {
    const fault = checkNarrative(text);
    expect(fault?.rule).toBe(rule);
    expect(fault?.text).toMatch(message);
  });

  it('is never quoted', () => {
    for (const text of [div('<secret>x</secret'), div('<p secret>'), div('</secret>'), div('&secret;')])
      expect(checkNarrative(text)?.text).not.toMatch(/secret>|&secret/);
  });

  it('is plain at a glance only where a parser finds nothing either', () => {
    const piece = fc.constantFrom(
      ...[
        '<p>',
        '</p>',
        '<b class="x">',
        '</b>',
        '<br/>',
        '<img src="#a"/>',
        'text',
        ' ',
        '\n',
        '&amp;',
        '&#64;',
        '&',
        '<',
        '>',
      ],
      ...[
        '"',
        "'",
        '</div>',
        '<div>',
        ' id="a"',
        '<script>',
        '<a href="x">',
        '</a>',
        ']]>',
        '\u0001',
        '\u00a0',
        '<!--',
        '-->',
        '/>',
      ],
    );
    let plain = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = div(pieces.join(''));
        if (!isPlain(text)) return;
        plain += 1;
        expect(parseNarrative(text)).toBeUndefined();
      }),
      { numRuns: 20_000 },
    );
    expect(plain).toBeGreaterThan(500);
  });
});
