"""Raw requests, and what the server must make of them.

A row of ROWS is (name, bytes, answers). The answers are what comes back on one connection, in
order: a body that /echo was given (bytes), the status of another reply (int), or that of a reply to
HEAD ("HEAD", status). A status in REFUSALS is the last one, and the server closes. Where the text
has the last request of its connection (HTTP/1.0, Connection: close) the row ends with CLOSED.

The server has /echo (its reply is the body), a limit of 4096 bytes for the header and of 1024 for
the body.
"""

CLOSED = "closed"
REFUSALS = {400, 413, 414, 417, 431, 501, 503, 505}

HOST = b"Host: h\r\n"
GET = b"GET /echo HTTP/1.1\r\n"
GOOD = GET + HOST + b"\r\n"
POST = b"POST /echo HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def post(body, *headers):
    return POST + b"".join(h + b"\r\n" for h in headers) + b"Content-Length: %d\r\n\r\n" % len(
        body) + body


def line(request_line):
    return request_line + b"\r\n" + HOST + b"\r\n"


def with_header(header):
    return GET + HOST + header + b"\r\n\r\n"


def smuggled(head, body=b""):
    """What a careless server would take for a second request must never be one."""
    return POST + head + b"\r\n\r\n" + body + b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"


VALID = [
    ("a plain GET", GOOD, [b""]),
    ("a POST", post(b"abc"), [b"abc"]),
    ("a body of no bytes", post(b""), [b""]),
    ("a body of all bytes", post(bytes(range(256))), [bytes(range(256))]),
    ("a body like a request", post(GOOD), [GOOD]),
    ("a body of the longest", post(b"x" * 1024), [b"x" * 1024]),
    ("a GET with a body", GET + HOST + b"Content-Length: 3\r\n\r\nabc", [b"abc"]),
    ("PUT", line(b"PUT /echo HTTP/1.1"), [b""]),
    ("PATCH", line(b"PATCH /echo HTTP/1.1")[:-2] + b"Content-Length: 2\r\n\r\nab", [b"ab"]),
    ("DELETE", line(b"DELETE /echo HTTP/1.1"), [b""]),
    ("OPTIONS of a path", line(b"OPTIONS /echo HTTP/1.1"), [204]),
    ("OPTIONS *", line(b"OPTIONS * HTTP/1.1"), [204]),
    ("HEAD", line(b"HEAD /echo HTTP/1.1"), [("HEAD", 200)]),
    ("HEAD, and a GET after it", line(b"HEAD /echo HTTP/1.1") + post(b"a"), [("HEAD", 200), b"a"]),
    ("TRACE", line(b"TRACE /echo HTTP/1.1"), [405]),
    ("nothing at the path", line(b"GET /none HTTP/1.1"), [404]),
    ("two slashes are no host", line(b"GET //evil/echo HTTP/1.1"), [404]),
    ("three slashes", line(b"GET ///echo HTTP/1.1"), [404]),
    ("an escape is not the letter", line(b"GET /%65cho HTTP/1.1"), [404]),
    ("an escaped slash is no slash", line(b"GET /x%2Fecho HTTP/1.1"), [404]),
    ("dots stay", line(b"GET /x/../echo HTTP/1.1"), [404]),
    ("characters of a path", line(b"GET /a-._~!$&'()*+,;=:@b HTTP/1.1"), [404]),
    ("what browsers leave in a path", line(b"GET /a[]|^`{} HTTP/1.1"), [404]),
    ("a query", line(b"GET /echo?a=b&c HTTP/1.1"), [b""]),
    ("a query with ? and /", line(b"GET /echo?a=/?b HTTP/1.1"), [b""]),
    ("an empty query", line(b"GET /echo? HTTP/1.1"), [b""]),
    ("what browsers leave in a query", line(b"GET /echo?a[]={}|\\^` HTTP/1.1"), [b""]),
    ("a percent in a query", line(b"GET /echo?100%&%zz HTTP/1.1"), [b""]),
    ("an absolute target", line(b"GET http://h/echo HTTP/1.1"), [b""]),
    ("an absolute target of https", line(b"GET https://h/echo HTTP/1.1"), [b""]),
    ("an absolute target in capitals", line(b"GET HTTP://H/echo HTTP/1.1"), [b""]),
    ("an absolute target with a port", b"GET http://h:81/echo HTTP/1.1\r\nHost: h:81\r\n\r\n",
     [b""]),
    ("an absolute target of IPv6", b"GET http://[::1]:8/echo HTTP/1.1\r\nHost: [::1]:8\r\n\r\n",
     [b""]),
    ("an absolute target without a path", line(b"GET http://h HTTP/1.1"), [404]),
    ("an absolute target with a query alone", line(b"GET http://h?a HTTP/1.1"), [404]),
    ("the connection stays after an absolute target", line(b"GET http://h/echo HTTP/1.1") + GOOD,
     [b"", b""]),
    ("an empty line first", b"\r\n" + GOOD, [b""]),
    ("many empty lines first", b"\r\n" * 50 + GOOD, [b""]),
    ("an empty line between", post(b"ab") + b"\r\n" + GOOD, [b"ab", b""]),
    ("pipelined", GOOD * 3, [b""] * 3),
    ("pipelined bodies", post(b"ab") + post(b"c") + GOOD, [b"ab", b"c", b""]),
    ("pipelined chunks", CHUNKED + b"1\r\na\r\n" + LAST + CHUNKED + b"1\r\nb\r\n" + LAST,
     [b"a", b"b"]),
    ("many pipelined", post(b"x") * 40, [b"x"] * 40),
    ("404 keeps the connection", line(b"GET /none HTTP/1.1") + GOOD, [404, b""]),
    ("405 keeps the connection", line(b"TRACE /echo HTTP/1.1") + GOOD, [405, b""]),
    ("Connection: close", with_header(b"Connection: close"), [b"", CLOSED]),
    ("Connection: CLOSE", with_header(b"connection: CLOSE"), [b"", CLOSED]),
    ("Connection: close, foo", with_header(b"Connection: close, foo"), [b"", CLOSED]),
    ("Connection: foo,close", with_header(b"Connection: foo,close"), [b"", CLOSED]),
    ("a second Connection header", with_header(b"Connection: foo\r\nConnection: close"),
     [b"", CLOSED]),
    ("nothing is read after close", with_header(b"Connection: close") + GOOD, [b"", CLOSED]),
    ("Connection: closed is another word", with_header(b"Connection: closed"), [b""]),
    ("Connection: keep-alive", with_header(b"Connection: keep-alive"), [b""]),
    ("HTTP/1.0", b"GET /echo HTTP/1.0\r\n\r\n", [b"", CLOSED]),
    ("HTTP/1.0 with a Host", b"GET /echo HTTP/1.0\r\n" + HOST + b"\r\n", [b"", CLOSED]),
    ("HTTP/1.0 with a body", b"POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nab",
     [b"ab", CLOSED]),
    ("HTTP/1.0 keep-alive", b"GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + GOOD,
     [b"", b""]),
    ("HTTP/1.0 keep-alive comes second",
     b"GET /echo HTTP/1.0\r\nConnection: foo\r\nConnection: bar, keep-alive\r\n\r\n" + GOOD,
     [b"", b""]),
    ("HTTP/1.0 keep-alives is another word",
     b"GET /echo HTTP/1.0\r\nConnection: keep-alives\r\n\r\n" + GOOD, [b"", CLOSED]),
    ("HTTP/1.0 with two words in one element",
     b"GET /echo HTTP/1.0\r\nConnection: foo keep-alive\r\n\r\n" + GOOD, [b"", CLOSED]),
    ("HTTP/1.0 absolute", b"GET http://h/echo HTTP/1.0\r\n\r\n", [b"", CLOSED]),
    ("HTTP/1.0 ignores Expect", b"POST /echo HTTP/1.0\r\nExpect: tea\r\nContent-Length: 1\r\n\r\na",
     [b"a", CLOSED]),
    ("an empty Host", GET + b"Host:\r\n\r\n", [b""]),
    ("a Host with a port", GET + b"Host: example.org:8080\r\n\r\n", [b""]),
    ("a Host with an empty port", GET + b"Host: h:\r\n\r\n", [b""]),
    ("a Host of IPv4", GET + b"Host: 127.0.0.1\r\n\r\n", [b""]),
    ("a Host of IPv6", GET + b"Host: [::1]:80\r\n\r\n", [b""]),
    ("a Host without a blank", GET + b"Host:h\r\n\r\n", [b""]),
    ("a Host among blanks", GET + b"Host: \t h \t \r\n\r\n", [b""]),
    ("a Host in capitals", GET + b"HOST: H\r\n\r\n", [b""]),
    ("Host comes last", GET + b"A: b\r\n" + HOST + b"\r\n", [b""]),
    ("an empty value", with_header(b"A:"), [b""]),
    ("a value of blanks", with_header(b"A: \t "), [b""]),
    ("a value of UTF-8", with_header("A: ä".encode()), [b""]),
    ("a value of any high byte", with_header(b"A: \x80\xff"), [b""]),
    ("a tab in a value", with_header(b"A: b\tc"), [b""]),
    ("colons in a value", with_header(b"A: b:c: d"), [b""]),
    ("every character of a name", with_header(b"!#$%&'*+-.^_`|~09aZ: b"), [b""]),
    ("one name, many lines", with_header(b"A: b\r\nA: c"), [b""]),
    ("many headers", with_header(b"\r\n".join(b"A%d: b" % i for i in range(200))), [b""]),
    ("TE is no Transfer-Encoding", with_header(b"TE: trailers"), [b""]),
    ("X-Content-Length is none", with_header(b"X-Content-Length: 5"), [b""]),
    ("Content-Length-X is none", with_header(b"Content-Length-X: 5"), [b""]),
    ("Upgrade is ignored", with_header(b"Connection: Upgrade\r\nUpgrade: h2c"), [b""]),
    ("Content-Length with zeros", POST + b"Content-Length: 0003\r\n\r\nabc", [b"abc"]),
    ("Content-Length in blanks", POST + b"Content-Length: \t3\t \r\n\r\nabc", [b"abc"]),
    ("content-length", POST + b"content-length:3\r\n\r\nabc", [b"abc"]),
    ("no length is no body", POST + b"\r\n" + GOOD, [b"", b""]),
    ("chunks", CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n" + LAST, [b"abcde"]),
    ("no chunks", CHUNKED + LAST, [b""]),
    ("chunks of the longest", CHUNKED + b"200\r\n" + b"x" * 512 + b"\r\n200\r\n" + b"y" * 512 +
     b"\r\n" + LAST, [b"x" * 512 + b"y" * 512]),
    ("a chunk of line ends", CHUNKED + b"4\r\n\r\n\r\n\r\n" + LAST, [b"\r\n\r\n"]),
    ("a chunk like an end", CHUNKED + b"5\r\n0\r\n\r\n\r\n" + LAST, [b"0\r\n\r\n"]),
    ("sizes in capitals", CHUNKED + b"A\r\n0123456789\r\n" + LAST, [b"0123456789"]),
    ("sizes with zeros", CHUNKED + b"0000000000000001\r\na\r\n0000\r\n\r\n", [b"a"]),
    ("CHUNKED", POST + b"Transfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n" + LAST, [b"a"]),
    ("a blank after chunked", POST + b"Transfer-Encoding: chunked \r\n\r\n" + LAST, [b""]),
    ("an extension", CHUNKED + b"1;a\r\na\r\n0;b\r\n\r\n", [b"a"]),
    ("an extension with a value", CHUNKED + b"1;a=b;c=d\r\na\r\n" + LAST, [b"a"]),
    ("an extension in quotes", CHUNKED + b"1;a=\"; \\\" 0\"\r\na\r\n" + LAST, [b"a"]),
    ("an extension among blanks", CHUNKED + b"1 ; a\t= b\r\na\r\n" + LAST, [b"a"]),
    ("a tab before an extension", CHUNKED + b"1\t;a\r\na\r\n" + LAST, [b"a"]),
    ("an extension of 250 bytes", CHUNKED + b"1;" + b"a" * 250 + b"\r\na\r\n" + LAST, [b"a"]),
    ("trailers", CHUNKED + b"1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n", [b"a"]),
    ("trailers, and a request", CHUNKED + b"0\r\nA: b\r\n\r\n" + post(b"c"), [b"", b"c"]),
    ("a trailer changes no header", CHUNKED + b"1\r\na\r\n0\r\nConnection: close\r\n\r\n" + GOOD,
     [b"a", b""]),
    ("Expect, and the body at once", post(b"abc", b"Expect: 100-continue"), [b"abc"]),
    ("Expect: 100-CONTINUE", post(b"abc", b"Expect: 100-CONTINUE"), [b"abc"]),
    ("a tab before 100-continue", post(b"abc", b"Expect:\t100-continue"), [b"abc"]),
    ("Expect without a body", with_header(b"Expect: 100-continue"), [b""]),
]

BAD_LINES = [

    (b"GET", 400), (b"GET ", 400), (b"GET /echo", 400), (b"GET /echo ", 400),
    (b"GET  /echo HTTP/1.1", 400), (b"GET /echo  HTTP/1.1", 400), (b"GET /echo HTTP/1.1 ", 400),
    (b" GET /echo HTTP/1.1", 400), (b"\tGET /echo HTTP/1.1", 400), (b"GET\t/echo HTTP/1.1", 400),
    (b"GET /echo\tHTTP/1.1", 400), (b"GET\x0b/echo HTTP/1.1", 400), (b"GET\x00 /echo HTTP/1.1", 400),
    (b"G@T /echo HTTP/1.1", 400), (b"G(T /echo HTTP/1.1", 400), (b"\xc7ET /echo HTTP/1.1", 400),
    (b"\"GET\" /echo HTTP/1.1", 400), (b":GET /echo HTTP/1.1", 400),
    (b"GET /echo HTTP/1", 400), (b"GET /echo HTTP/1.", 400), (b"GET /echo HTTP/.1", 400),
    (b"GET /echo HTTP/11", 400), (b"GET /echo HTTP/1.10", 400), (b"GET /echo HTTP/01.1", 400),
    (b"GET /echo HTTP/1,1", 400), (b"GET /echo HTTP1.1", 400), (b"GET /echo http/1.1", 400),
    (b"GET /echo HTTPS/1.1", 400), (b"GET /echo HTTP /1.1", 400), (b"GET /echo HTTP/-1.-1", 400),
    (b"GET /echo HTTP/+1.1", 400), (b"GET /echo HTTP/1.x", 400), (b"GET /echo HTTP/1.1x", 400),
    (b"GET /echo ICY/1.1", 400), (b"GET /echo HTTP/1.1\x00", 400), (b"GET /echo HTTP/1.1\r", 400),
    (b"GET /echo HTTP/0.9", 505), (b"GET /echo HTTP/1.2", 505), (b"GET /echo HTTP/1.9", 505),
    (b"GET /echo HTTP/2.0", 505), (b"GET /echo HTTP/3.0", 505), (b"GET /echo HTTP/9.9", 505),
    (b"PRI * HTTP/2.0", 505),
    (b"get /echo HTTP/1.1", 501), (b"Get /echo HTTP/1.1", 501), (b"GETS /echo HTTP/1.1", 501),
    (b"GE /echo HTTP/1.1", 501), (b"BREW /echo HTTP/1.1", 501), (b"X /echo HTTP/1.1", 501),
    (b"M-SEARCH * HTTP/1.1", 501), (b"CONNECT h:80 HTTP/1.1", 501),
    (b"CONNECT /echo HTTP/1.1", 501), (b"PROPFIND /echo HTTP/1.1", 501),
    (b"GET echo HTTP/1.1", 400), (b"GET ?a HTTP/1.1", 400), (b"GET * HTTP/1.1", 400),
    (b"POST * HTTP/1.1", 400), (b"OPTIONS *x HTTP/1.1", 400), (b"OPTIONS ** HTTP/1.1", 400),
    (b"GET #a HTTP/1.1", 400), (b"GET /echo#a HTTP/1.1", 400), (b"GET /echo?a#b HTTP/1.1", 400),
    (b"GET /ec\"ho HTTP/1.1", 400), (b"GET /ec<ho HTTP/1.1", 400), (b"GET /ec>ho HTTP/1.1", 400),
    (b"GET /ec\\ho HTTP/1.1", 400), (b"GET \\echo HTTP/1.1", 400),
    (b"GET /\xc3\xa4 HTTP/1.1", 400), (b"GET /\x00 HTTP/1.1", 400), (b"GET /\x01 HTTP/1.1", 400),
    (b"GET /\x7f HTTP/1.1", 400), (b"GET /echo?\x00 HTTP/1.1", 400),
    (b"GET /echo?\xff HTTP/1.1", 400), (b"GET /echo?a\"b HTTP/1.1", 400),
    (b"GET /echo%00x HTTP/1.1", 400), (b"GET /%00 HTTP/1.1", 400), (b"GET /%0 HTTP/1.1", 400),
    (b"GET /% HTTP/1.1", 400), (b"GET /%x1 HTTP/1.1", 400), (b"GET /%1g HTTP/1.1", 400),
    (b"GET /%%41 HTTP/1.1", 400), (b"GET /%u0041 HTTP/1.1", 400), (b"GET /a%/ HTTP/1.1", 400),
    (b"GET //u@h/echo HTTP/1.1", 400), (b"GET //h:80/echo HTTP/1.1", 400),
    (b"GET //[::1]/echo HTTP/1.1", 400), (b"GET //h%41/echo HTTP/1.1", 400),
    (b"GET ftp://h/echo HTTP/1.1", 400), (b"GET http:/h/echo HTTP/1.1", 400),
    (b"GET http:h/echo HTTP/1.1", 400), (b"GET http// HTTP/1.1", 400),
    (b"GET http:// HTTP/1.1", 400), (b"GET http:///echo HTTP/1.1", 400),
    (b"GET http://u@h/echo HTTP/1.1", 400), (b"GET http://h:x/echo HTTP/1.1", 400),
    (b"GET http://h:65536/echo HTTP/1.1", 400), (b"GET http://h:080000/echo HTTP/1.1", 400),
    (b"GET http://[::1/echo HTTP/1.1", 400), (b"GET http://[x]/echo HTTP/1.1", 400),
    (b"GET http://[:::1]/echo HTTP/1.1", 400), (b"GET http://h\\x/echo HTTP/1.1", 400),
    (b"GET http://other/echo HTTP/1.1", 400), (b"GET http://h:80/echo HTTP/1.1", 400),
    (b"GET javascript:alert(1) HTTP/1.1", 400), (b"GET file:///etc/passwd HTTP/1.1", 400),
    (b"GET /" + b"a" * 4096 + b" HTTP/1.1", 414), (b"GET /?" + b"a" * 4096 + b" HTTP/1.1", 414),
    (b"A" * 4097 + b" / HTTP/1.1", 414), (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    (b"SSH-2.0-OpenSSH_9.2", 400), (b"EHLO example.org", 400), (b"*1", 400), (b"{}", 400),
]

BAD_HEADERS = [
    (b"A : b", 400), (b"A\t: b", 400), (b"A b: c", 400), (b": b", 400), (b":", 400), (b"A", 400),
    (b"A b", 400), (b" A: b", 400), (b"\tA: b", 400), (b"A: b\r\n c", 400), (b"A: b\r\n\tc", 400),
    (b"A: b\r\n ", 400), (b"A@: b", 400), (b"A(: b", 400), (b"\"A\": b", 400), (b"A/: b", 400),
    (b"A[]: b", 400), (b"\xc4: b", 400), (b"A\x00: b", 400), (b"A\x7f: b", 400),
    (b"A: \x00", 400), (b"A: b\x00c", 400), (b"A: \x01", 400), (b"A: \x08", 400), (b"A: \x0b", 400),
    (b"A: \x0c", 400), (b"A: \x1b[2J", 400), (b"A: \x7f", 400), (b"A: b\rc", 400), (b"A: b\r", 400),
    (b"\r", 400), (b"A: b\nC: d", 400), (b"\nA: b", 400), (b"A: b\n", 400), (b"A: b\n\n", 400),
    (b"A: b\r\r\nC: d", 400), (b"Host: h", 400), (b"Host: other", 400), (b"host:", 400),
    (b"Expect: tea", 417), (b"Expect:", 417), (b"Expect: 100-continue, tea", 417),
    (b"Expect: 100 continue", 417), (b"Expect: 100-continued", 417),
    (b"A: " + b"b" * 4096, 431), (b"A" * 4096 + b": b", 431),
    (b"\r\n".join(b"A%d: b" % i for i in range(600)), 431),
]

BAD_HOSTS = [
    b"", b"Host : h\r\n", b" Host: h\r\n", b"Host: h\r\nHost: h\r\n", b"Host: h\r\nHost: i\r\n",
    b"Host: h\r\nhOsT: h\r\n", b"Host: a b\r\n", b"Host: a,b\r\n", b"Host: a, b\r\n",
    b"Host: a/b\r\n", b"Host: a\\b\r\n", b"Host: u@h\r\n", b"Host: http://h\r\n", b"Host: h?a\r\n",
    b"Host: h#a\r\n", b"Host: <h>\r\n", b"Host: \"h\"\r\n", b"Host: h%41\r\n", b"Host: \xc3\xa4\r\n",
    b"Host: :80\r\n", b"Host: h:80:80\r\n", b"Host: h:x\r\n", b"Host: h:-1\r\n", b"Host: h:65536\r\n",
    b"Host: h:99999999999999999999\r\n", b"Host: [::1\r\n", b"Host: ::1\r\n", b"Host: []\r\n",
    b"Host: [::1]x\r\n", b"Host: [g::]\r\n", b"Host: [127.0.0.1]\r\n", b"Host: [::1%25lo]\r\n",
    b"Host: h\x00\r\n", b"Host: h\x00.evil\r\n", b"Host: h\r\n evil\r\n", b"Xost: h\r\n",
]

BAD_LENGTHS = [
    (b"", 400), (b"+3", 400), (b"-3", 400), (b"-0", 400), (b"3,", 400), (b"3,3", 400),
    (b"3, 3", 400), (b"3, 4", 400), (b"3 3", 400), (b"3\t3", 400), (b"0x3", 400), (b"3.0", 400),
    (b"3e0", 400), (b"three", 400), (b"3;a", 400), (b"\"3\"", 400), (b"3\x00", 400), (b"\x0b3", 400),
    (b"\xb2", 400), (b"1_0", 400), (b"3\r\nContent-Length: 3", 400), (b"3\r\nContent-Length: 4", 400),
    (b"3\r\nContent-Length: 0", 400), (b"3\r\ncontent-length:3", 400), (b"3\r\nContent-Length:", 400),
    (b"3\r\nTransfer-Encoding: chunked", 400), (b"0\r\nTransfer-Encoding: chunked", 400),
    (b"3\r\nTransfer-Encoding: identity", 400), (b"3\r\nTransfer-Encoding : chunked", 400),
    (b"1025", 413), (b"2147483648", 413), (b"4294967299", 413), (b"9223372036854775807", 413),
    (b"9223372036854775808", 413), (b"18446744073709551615", 413), (b"18446744073709551619", 413),
    (b"36893488147419103235", 413), (b"9" * 100, 413),
]

BAD_CODINGS = [
    (b"", 400), (b"xchunked", 400), (b"chunkedx", 400), (b"chunke", 400), (b"chunk", 400),
    (b"identity", 400), (b"gzip", 400), (b"cow", 400), (b"chunked, identity", 400),
    (b"chunked, gzip", 400), (b"chunked, chunked", 400), (b"chunked,chunked", 400),
    (b"gzip, chunked, chunked", 400), (b"chunked,", 400), (b",chunked", 400), (b"chunked,,", 400),
    (b",", 400), (b"chunked;", 400), (b"chunked;a=b", 400), (b"\"chunked\"", 400), (b"'chunked'", 400),
    (b"chun ked", 400), (b"chunked gzip", 400), (b"chunked\x00", 400), (b"\x0bchunked", 400),
    (b"\x00chunked", 400), (b"\tchunked", 400), (b"chunked\t", 400), (b" \tchunked", 400),
    (b"chunked\r\n ", 400), (b"\r\n chunked", 400), (b"chunked\r\nTransfer-Encoding: chunked", 400),
    (b"chunked\r\nTransfer-Encoding: identity", 400), (b"x\r\nTransfer-Encoding: chunked", 400),
    (b"chunked\r\nContent-Length: 3", 400), (b"chunked\r\nContent-Length: 0", 400),
    (b"\xe3hunked", 400), (b"chunked\n", 400), (b"gzip, chunked", 501), (b"gzip,chunked", 501),
    (b"x, y, chunked", 501), (b"identity, chunked", 501),
]

BAD_CHUNKS = [
    (b"0x1\r\na\r\n", 400), (b"+1\r\na\r\n", 400), (b"-1\r\na\r\n", 400), (b" 1\r\na\r\n", 400),
    (b"1 \r\na\r\n", 400), (b"1\t\r\na\r\n", 400), (b"1 junk\r\na\r\n", 400), (b"1g\r\na\r\n", 400),
    (b"g\r\na\r\n", 400), (b"\r\n1\r\na\r\n", 400), (b"\r\n\r\n\r\n", 400), (b"1,1\r\na\r\n", 400),
    (b"1.0\r\na\r\n", 400), (b"1_0\r\n", 400), (b"1\x00\r\na\r\n", 400), (b"\"1\"\r\n", 400),
    (b"1\na\r\n", 400), (b"1\r\ra\r\n", 400), (b"1\ra\r\n", 400), (b"1\n", 400), (b"\n", 400),
    (b"1\r\nab\r\n", 400), (b"1\r\na0\r\n", 400), (b"1\r\na\n0\r\n", 400), (b"1\r\na\r0\r\n", 400),
    (b"1\r\na\r\n\r\n0\r\n", 400), (b"2\r\na\r\n0\r\n\r\n", 400), (b"00000000000000001\r\na\r\n", 400),
    (b"0" * 300, 400), (b"10000000000000001\r\n", 400), (b"ffffffffffffffff1\r\n", 400),
    (b"ffffffffffffffff\r\n", 413), (b"8000000000000000\r\n", 413), (b"7fffffffffffffff\r\n", 413),
    (b"401\r\n", 413), (b"400\r\n" + b"x" * 1024 + b"\r\n1\r\n", 413), (b"7fffffff\r\n", 413),
    (b"1;\r\na\r\n", 400), (b"1;;a\r\na\r\n", 400), (b"1;a;\r\na\r\n", 400), (b"1;a=\r\na\r\n", 400),
    (b"1;=b\r\na\r\n", 400), (b"1;a b\r\na\r\n", 400), (b"1;a=b c\r\na\r\n", 400),
    (b"1;a=\"b\r\na\r\n", 400), (b"1;a=\"b\"c\r\na\r\n", 400), (b"1;a=\"\\\x00\"\r\na\r\n", 400),
    (b"1;a\x00\r\na\r\n", 400), (b"1;a\na\r\n", 400), (b"1;a\rb\r\na\r\n", 400),
    (b"1;\xe4\r\na\r\n", 400), (b"1 a;b\r\na\r\n", 400), (b"1;a \r\na\r\n", 400),
    (b"1;" + b"a" * 300 + b"\r\na\r\n", 400), (b"1;" + b"a" * 100000, 400),
    (b"0\r\nA : b\r\n\r\n", 400), (b"0\r\n a: b\r\n\r\n", 400), (b"0\r\n: b\r\n\r\n", 400),
    (b"0\r\nA\r\n\r\n", 400), (b"0\r\nA: b\n\r\n", 400), (b"0\r\nA: b\r\n c\r\n\r\n", 400),
    (b"0\r\nA: \x00\r\n\r\n", 400), (b"0\r\n\n", 400), (b"0\n\n", 400), (b"0\r\n\rX", 400),
    (b"0\r\nHost: h\r\n\r\n", 400), (b"0\r\nContent-Length: 3\r\n\r\n", 400),
    (b"0\r\nTransfer-Encoding: chunked\r\n\r\n", 400), (b"0\r\nExpect: 100-continue\r\n\r\n", 400),
    (b"0\r\nGET /smuggled HTTP/1.1\r\n\r\n", 400), (b"0\r\nA: " + b"b" * 4096 + b"\r\n\r\n", 431),
]

SMUGGLING = [
    ("CL.TE", smuggled(b"Content-Length: 4\r\nTransfer-Encoding: chunked", LAST)),
    ("TE.CL", smuggled(b"Transfer-Encoding: chunked\r\nContent-Length: 4", LAST)),
    ("CL.CL", smuggled(b"Content-Length: 0\r\nContent-Length: 43")),
    ("CL.0 on HEAD", b"HEAD /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 43\r\n\r\n" + GOOD),
    ("TE on HEAD", b"HEAD /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST),
    ("CL on TRACE", b"TRACE /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 43\r\n\r\n" + GOOD),
    ("TE of HTTP/1.0", b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST),
    ("TE and CL of HTTP/1.0", b"POST /echo HTTP/1.0\r\nConnection: keep-alive\r\n"
     b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST),
    ("TE behind a bare CR", smuggled(b"A: b\rTransfer-Encoding: chunked", LAST)),
    ("TE behind a bare LF", smuggled(b"A: b\nTransfer-Encoding: chunked", LAST)),
    ("TE folded", smuggled(b"A: b\r\n Transfer-Encoding: chunked", LAST)),
    ("TE with a blank before the colon", smuggled(b"Transfer-Encoding : chunked", LAST)),
    ("TE with a NUL in its name", smuggled(b"Transfer-Encoding\x00: chunked", LAST)),
    ("TE behind a NUL", smuggled(b"A: b\x00\r\nTransfer-Encoding: chunked", LAST)),
    ("CL folded", smuggled(b"Content-Length:\r\n 43")),
    ("CL with a NUL", smuggled(b"Content-Length: 43\x00")),
    ("a header name of two words", smuggled(b"Foo Content-Length: 43")),
]


def rows():
    yield from VALID
    for text, status in BAD_LINES:
        yield f"line {text[:40]!r}", line(text), [status]
    for text, status in BAD_HEADERS:
        yield f"header {text[:40]!r}", with_header(text), [status]
    for text in BAD_HOSTS:
        yield f"host {text!r}", GET + text + b"\r\n", [400]
    for text, status in BAD_LENGTHS:
        yield f"length {text[:40]!r}", POST + b"Content-Length: " + text + b"\r\n\r\nabc", [status]
    for text, status in BAD_CODINGS:
        yield (f"coding {text!r}", POST + b"Transfer-Encoding:" + (b"" if text[:1] == b"\t" else b" ")
               + text + b"\r\n\r\n" + LAST, [status])
    for text, status in BAD_CHUNKS:
        yield f"chunk {text[:40]!r}", CHUNKED + text, [status]
    for name, text in SMUGGLING:
        yield f"smuggling {name}", text, [("HEAD", 400) if text.startswith(b"HEAD") else 400]
    # Those ahead of a malformed one are answered.
    for text, status in BAD_LINES[:20] + BAD_LINES[40:46]:
        yield f"after others, line {text[:40]!r}", post(b"ab") + GOOD + line(text), [b"ab", b"",
                                                                                  status]
    for text, status in BAD_CHUNKS[:20]:
        yield (f"after others, chunk {text[:40]!r}", GOOD + CHUNKED + b"1\r\na\r\n" + LAST +
               CHUNKED + text, [b"", b"a", status])


ROWS = list(rows())
assert len(ROWS) >= 200
