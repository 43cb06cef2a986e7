import { describe, expect, it } from 'vitest';
import { ConnectionError, ErrorCode } from '../connection-error.ts';
import { HeaderDecoder } from './header-decoder.ts';

function decodeHex(decoder: HeaderDecoder, hex: string): string[] {
  const block = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return decoder.decode(block, 0, block.length).fields.map(({ name, value }) => `${name}: ${value}`);
}

const FIRST = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
const SECOND = [...FIRST, 'cache-control: no-cache'];
const THIRD = [
  ':method: GET',
  ':scheme: https',
  ':path: /index.html',
  ':authority: www.example.com',
  'custom-key: custom-value',
];

describe('the header decoder, on the examples of RFC 7541, appendix C', () => {
  it.each([
    [
      'decodes C.2.1: a literal that is added to the table',
      '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      'custom-key: custom-header',
    ],
    [
      'decodes C.2.2: a literal that is not added to the table',
      '040c 2f73 616d 706c 652f 7061 7468',
      ':path: /sample/path',
    ],
    [
      'decodes C.2.3: a literal that is never indexed',
      '1008 7061 7373 776f 7264 0673 6563 7265 74',
      'password: secret',
    ],
    ['decodes C.2.4: an indexed field', '82', ':method: GET'],
  ])('%s', (_name, hex, field) => {
    expect(decodeHex(new HeaderDecoder(), hex)).toEqual([field]);
  });

  it.each([
    [
      'decodes C.3: requests without Huffman code',
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    [
      'decodes C.4: requests with Huffman code',
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
  ])('%s, which share a dynamic table', (_name, first, second, third) => {
    const decoder = new HeaderDecoder();
    expect(decodeHex(decoder, first)).toEqual(FIRST);
    expect(decodeHex(decoder, second)).toEqual(SECOND);
    expect(decodeHex(decoder, third)).toEqual(THIRD);
  });

  it('decodes C.6: responses with Huffman code, in a table of 256 bytes that evicts entries', () => {
    const decoder = new HeaderDecoder();
    const date = 'date: Mon, 21 Oct 2013 20:13:21 GMT';
    const location = 'location: https://www.example.com';
    expect(
      decodeHex(
        decoder,
        '3fe1 01 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      ),
    ).toEqual([':status: 302', 'cache-control: private', date, location]);
    expect(decodeHex(decoder, '4883 640e ffc1 c0bf')).toEqual([
      ':status: 307',
      'cache-control: private',
      date,
      location,
    ]);
    expect(
      decodeHex(
        decoder,
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      ),
    ).toEqual([
      ':status: 200',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:22 GMT',
      location,
      'content-encoding: gzip',
      'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    ]);
  });
});

describe('the header decoder', () => {
  it.each([
    ['index 0', '80'],
    ['an index beyond the table', 'be'],
    ['a name index beyond the table', '7f00 0161'],
    ['a table size above the setting', '3fe2 1f'],
    ['a table size update after a field', '8220'],
    ['a string that is longer than the block', '0001 610a 61'],
    ['an integer that is cut short', '7f'],
    ['an integer that does not end', 'ff80 8080 8080 8080 8001'],
    ['an integer that is too large', 'ffff ffff ff0f'],
    ['Huffman padding of zeroes', '0001 6181 18'],
    ['Huffman padding of more than seven bits', '0001 6182 1fff'],
    ['the end-of-string symbol inside Huffman code', '0001 6184 ffff ffff'],
  ])('fails with COMPRESSION_ERROR on %s', (_name, hex) => {
    expect(() => decodeHex(new HeaderDecoder(), hex)).toThrow(ConnectionError);
    try {
      decodeHex(new HeaderDecoder(), hex);
    } catch (error) {
      expect(error).toMatchObject({ code: ErrorCode.COMPRESSION_ERROR });
    }
  });

  it('decodes a list above the limit in full but returns only a part, so that the next block is understood', () => {
    const decoder = new HeaderDecoder();
    const value = 'a'.repeat(4000);
    const insert = Buffer.concat([
      Buffer.from('4001627f', 'hex'),
      Buffer.from([0x80 + ((4000 - 127) & 0x7f), (4000 - 127) >> 7]),
      Buffer.from(value),
    ]);
    const block = Buffer.concat([insert, Buffer.alloc(6, 0xbe)]);
    const list = decoder.decode(block, 0, block.length);
    expect(list.isTooLarge).toBe(true);
    expect(list.fields).toHaveLength(4);
    expect(decodeHex(decoder, 'be')).toEqual([`b: ${value}`]);
  });

  it('fails before it has decoded all of an HPACK bomb', () => {
    const insert = Buffer.concat([Buffer.from('4001627f811e', 'hex'), Buffer.alloc(3968, 'a')]);
    const block = Buffer.concat([insert, Buffer.alloc(10_000, 0xbe)]);
    expect(() => new HeaderDecoder().decode(block, 0, block.length)).toThrow(
      'header list: must have at most 65536 bytes',
    );
  });

  it('changes the table version when an equal block could decode differently', () => {
    const decoder = new HeaderDecoder();
    const before = decoder.tableVersion;
    decodeHex(decoder, '8286 0401 61 1001 6101 62');
    expect(decoder.tableVersion).toBe(before);
    decodeHex(decoder, '4001 6101 62');
    expect(decoder.tableVersion).not.toBe(before);
  });
});
