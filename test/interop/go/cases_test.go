package interop

import (
	"encoding/json"

	"anthill.test/interop/internal/tagged"
)

// wireCase is one call of the caller and what must come back. Those with record are written to the vectors.
type wireCase struct {
	name   string
	fn     string
	args   []tagged.Value
	want   string // the result as JSON of tagged.Value; "" = null
	err    string // the error: whole text, or its start when it ends in …
	as     string // helper of mqrpc
	op     string // default call
	record bool
}

func arg(kind string, json string) tagged.Value {
	return tagged.Value{T: kind, V: []byte(json)}
}

func echo(name, kind, value string) wireCase {
	fn := "/echo/" + kind
	return wireCase{name: name, fn: fn, args: []tagged.Value{arg(kind, value)}, want: both(kind, value), record: true}
}

func both(kind, value string) string {
	if value == "" {
		return `{"t":"` + kind + `"}`
	}
	return `{"t":"` + kind + `","v":` + value + `}`
}

// quoted makes JSON of a text; texts that are handed to the caller as values are JSON already.
func quoted(text string) string {
	encoded, _ := json.Marshal(text)
	return string(encoded)
}

const (
	protoValue   = `{"cid":"c9","error":"你说","resultType":"string","result":"AAH/"}`
	traceValue   = `{"Trace":"00000000000000aa","Span":"00000000000000bb"}`
	sessionValue = `{"IP":"1.2.3.4","Network":"tcp","UserId":"u1","SessionId":"00000000000000aa",` +
		`"ServerId":"Gate@00000000000000bb","TraceId":"00000000000000cc","SpanId":"00000000000000dd",` +
		`"Topic":"a/HD_b/1","Settings":{"k":"v"}}`
)

// mixed is one of each type, in the order of the parameters of /mix.
func mixed() []tagged.Value {
	return []tagged.Value{
		arg("bool", `true`), arg("int", `-2`), arg("long", `"9007199254740993"`), arg("float", `64.043`),
		arg("double", `64.043`), arg("bytes", `"AAH/"`), arg("string", `"蚂蚁"`), arg("map", `{"a":1,"b":[true,null,"x"]}`),
		arg("mapstr", `{"a":"1"}`), arg("null", ``), arg("proto", protoValue), arg("marshal", `"m1"`),
		arg("trace", traceValue),
	}
}

const mixedResult = `{"t":"mapstr","v":{"bool":"bool:true","int":"int32:-2","long":"int64:9007199254740993",` +
	`"float":"float32:64.043","double":"float64:64.043","bytes":"[]uint8:[0 1 255]","string":"string:蚂蚁",` +
	`"map":"map[string]interface {}:map[a:1 b:[true <nil> x]]","mapstr":"map[string]string:map[a:1]",` +
	`"null":"<nil>:<nil>","proto":"*rpcpb.ResultInfo:{\"Cid\":\"c9\",\"Error\":\"你说\",\"ResultType\":\"string\",\"Result\":\"AAH/\"}",` +
	`"marshal":"*beans.Req:{\"Id\":\"m1\"}","trace":"log.TraceSpan:00000000000000aa"}}`

// wireCases cover every type of mqant's wire as argument and as result, and every way to fail.
var wireCases = []wireCase{
	echo("bool-true", "bool", `true`),
	echo("bool-false", "bool", `false`),
	echo("int-64", "int", `64`),
	echo("int-negative", "int", `-2`),
	echo("int-max", "int", `2147483647`),
	echo("int-min", "int", `-2147483648`),
	echo("long-64", "long", `"64"`),
	echo("long-negative", "long", `"-2"`),
	echo("long-unsafe", "long", `"9007199254740993"`),
	echo("long-max", "long", `"9223372036854775807"`),
	echo("long-min", "long", `"-9223372036854775808"`),
	echo("float", "float", `64.043`),
	echo("float-infinity", "float", `"-Inf"`),
	echo("double", "double", `64.043`),
	echo("double-integer", "double", `3`),
	echo("double-tiny", "double", `5e-324`),
	echo("double-nan", "double", `"NaN"`),
	echo("double-infinity", "double", `"+Inf"`),
	echo("bytes", "bytes", `"AAH/"`),
	echo("bytes-empty", "bytes", `""`),
	echo("string", "string", `"mqant"`),
	echo("string-empty", "string", `""`),
	echo("string-unicode", "string", `"蚂蚁 🐜"`),
	echo("map", "map", `{"a":1,"b":[true,null,"x"],"c":{"d":1.5}}`),
	echo("map-empty", "map", `{}`),
	echo("map-nil", "map", `null`),
	echo("mapstr", "mapstr", `{"a":"1","b":""}`),
	echo("mapstr-empty", "mapstr", `{}`),
	echo("mapstr-nil", "mapstr", `null`),
	echo("null", "null", ``),
	echo("session", "session", sessionValue),
	echo("pmarshal", "pmarshal", `"AAH/"`),
	{name: "proto", fn: "/echo/proto", args: []tagged.Value{arg("proto", protoValue)}, as: "Proto", want: both("proto", protoValue), record: true},
	{name: "proto-empty", fn: "/echo/proto", args: []tagged.Value{arg("proto", `{}`)}, as: "Proto", want: both("proto", `{}`), record: true},
	{name: "marshal", fn: "/test/marshal", args: []tagged.Value{arg("marshal", `"m1"`)}, as: "Marshal", want: both("marshal", `"m1"`), record: true},
	{name: "marshal-nameless", fn: "/echo/nameless", args: []tagged.Value{arg("marshal", `"m1"`)}, want: both("bytes", `"bTE="`), record: true},
	{name: "trace", fn: "/echo/trace", args: []tagged.Value{arg("trace", traceValue)}, want: both("trace", traceValue), record: true},

	{name: "mix", fn: "/mix", args: mixed(), want: mixedResult, record: true},
	{name: "say-hi", fn: "/say/hi", args: []tagged.Value{arg("string", `"mqant"`)}, as: "String", want: both("string", `"hi mqant"`), record: true},
	{name: "test-proto", fn: "/test/proto", args: []tagged.Value{arg("proto", `{"error":"x"}`)}, as: "Proto", want: both("proto", `{"error":"你说: x"}`), record: true},

	// null for a typed parameter is its zero value; for proto and Marshaler an empty message.
	{name: "null-for-long", fn: "/echo/long", args: []tagged.Value{arg("null", ``)}, want: both("long", `"0"`)},
	{name: "null-for-string", fn: "/echo/string", args: []tagged.Value{arg("null", ``)}, want: both("string", `""`)},
	{name: "null-for-proto", fn: "/echo/proto", args: []tagged.Value{arg("null", ``)}, as: "Proto", want: both("proto", `{}`)},
	{name: "null-for-marshal", fn: "/echo/marshal", args: []tagged.Value{arg("null", ``)}, want: both("bytes", `""`)},
	{name: "null-result-proto", fn: "/nil/proto", want: both("null", ``), record: true},
	{name: "null-result-bytes", fn: "/nil/bytes", want: both("bytes", `""`), record: true},

	// A plain struct or slice: bytes holding JSON. The caller sends what Go would have to send: []byte.
	{name: "struct-as-bytes", fn: "/echo/struct", args: []tagged.Value{arg("bytes", `"eyJuYW1lIjoiYW50IiwiYWdlIjoyfQ=="`)}, want: both("bytes", `"eyJuYW1lIjoiYW50IiwiYWdlIjoyfQ=="`)},
	{name: "structptr-as-bytes", fn: "/describe/structptr", args: []tagged.Value{arg("bytes", `"eyJuYW1lIjoiYW50IiwiYWdlIjoyfQ=="`)}, want: both("string", `"*beans.Person:{\"name\":\"ant\",\"age\":2}"`)},
	{name: "list-as-bytes", fn: "/describe/list", args: []tagged.Value{arg("bytes", `"WyJhIiwiYiJd"`)}, want: both("string", `"[]string:[a b]"`)},

	// What arrives, told by the receiver.
	{name: "describe-bytes", fn: "/describe", args: []tagged.Value{arg("bytes", `"AAH/"`)}, want: both("string", `"[]uint8:[0 1 255]"`)},
	{name: "describe-double", fn: "/describe", args: []tagged.Value{arg("double", `1.5`)}, want: both("string", `"float64:1.5"`)},
	{name: "describe-null", fn: "/describe", args: []tagged.Value{arg("null", ``)}, want: both("string", `"<nil>:<nil>"`)},
	{name: "describe-marshal", fn: "/describe/marshal", args: []tagged.Value{arg("marshal", `"m1"`)}, want: both("string", `"*beans.Req:{\"Id\":\"m1\"}"`)},
	{name: "describe-session", fn: "/describe/session", args: []tagged.Value{arg("session", sessionValue)}, want: both("string", `"gate.Session:00000000000000aa u1 Gate@00000000000000bb 1.2.3.4"`)},

	// mqant's own helpers: Int takes a long and nothing else.
	{name: "helper-int-of-long", fn: "/echo/long", args: []tagged.Value{arg("long", `"7"`)}, as: "Int", want: both("long", `"7"`)},
	{name: "helper-int-of-int", fn: "/echo/int", args: []tagged.Value{arg("int", `7`)}, as: "Int", want: both("long", `"0"`), err: "mqrpc: unexpected type for Int, got type int32"},
	{name: "helper-bool", fn: "/echo/bool", args: []tagged.Value{arg("bool", `true`)}, as: "Bool", want: both("bool", `true`)},

	{name: "error-string", fn: "/fail/string", args: []tagged.Value{arg("string", `"没有 %d"`)}, err: "没有 %d", record: true},
	{name: "error-value", fn: "/fail/error", args: []tagged.Value{arg("string", `"none"`)}, err: "none", record: true},
	{name: "error-with-result", fn: "/fail/both", args: []tagged.Value{arg("string", `"partial"`), arg("string", `"none"`)}, want: both("string", `"partial"`), err: "none", record: true},
	{name: "panic", fn: "/fail/panic", args: []tagged.Value{arg("string", `"boom"`)}, err: "gosvc rpc func(/fail/panic) error boom\n ----Stack----\n…", record: true},
	{name: "bad-signature", fn: "/fail/signature", err: "gosvc rpc func(/fail/signature) return error func(....)(result interface{}, err error)\n", record: true},
	{name: "unsupported-result", fn: "/fail/unsupported", err: "Args2Bytes [beans.Person] not registered …", record: true},
	{name: "unknown-function", fn: "/no/such", err: "Remote function(/no/such) not found", record: true},
	{name: "too-few-arguments", fn: "/say/hi", err: "The number of params [] is not adapted.<func(string) (string, error) Value>", record: true},
	{name: "too-many-arguments", fn: "/say/hi", args: []tagged.Value{arg("string", `"a"`), arg("string", `"b"`)}, err: "The number of params [[97] [98]] is not adapted.…", record: true},
	{name: "wrong-label", fn: "/echo/int", args: []tagged.Value{arg("long", `"1"`)}, err: "gosvc rpc func(/echo/int) error reflect: Call using int64 as type int32\n ----Stack----\n…", record: true},
	{name: "short-bytes", fn: "/echo/long", op: "callArgs", args: []tagged.Value{arg("long", `"AAE="`)}, err: "gosvc rpc func(/echo/long) error runtime error: …", record: true},
	{name: "unknown-label", fn: "/echo/any", op: "callArgs", args: []tagged.Value{arg("custom", `"AAE="`)}, err: "Bytes2Args [custom] not registered to app.addrpcserialize(...)", record: true},
	{name: "any-label-for-marshal", fn: "/test/marshal", op: "callArgs", args: []tagged.Value{arg("map", `"e30="`)}, as: "Marshal", want: both("marshal", `"{}"`), record: true},
}
