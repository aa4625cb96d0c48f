// Package tagged maps Go values to JSON `{"t": kind, "v": value}` and back, so that a program without Go types can
// say and see exactly which Go type went over mqant's wire.
//
//	null    v absent                    bool    true
//	int     number (int32)              long    decimal text (int64)
//	float   number or text (float32)    double  number or text (float64); NaN, +Inf, -Inf as text
//	bytes   base64                      string  text
//	map     object                      mapstr  object of strings (null: a nil map, for both)
//	proto   {cid,error,resultType,result(base64)}: *rpcpb.ResultInfo
//	marshal text: *beans.Req            trace   {Trace,Span}: *log.TraceSpanImp
//	session {SessionId,UserId,…}: gate.Session
//	pmarshal base64: module.ProtocolMarshal
package tagged

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"anthill.test/interop/internal/beans"
	"github.com/liangdas/mqant/gate"
	basegate "github.com/liangdas/mqant/gate/base"
	"github.com/liangdas/mqant/log"
	"github.com/liangdas/mqant/module"
	rpcpb "github.com/liangdas/mqant/rpc/pb"
	"google.golang.org/protobuf/proto"
)

// Value is one tagged value.
type Value struct {
	T string          `json:"t"`
	V json.RawMessage `json:"v,omitempty"`
}

// Proto is the JSON shape of the protobuf message that the peers exchange.
type Proto struct {
	Cid        string `json:"cid,omitempty"`
	Error      string `json:"error,omitempty"`
	ResultType string `json:"resultType,omitempty"`
	Result     []byte `json:"result,omitempty"`
}

// ToGo gives the Go value that a Go user would pass to mqant; sessions and pmarshal are made by the app.
func ToGo(app module.App, value Value) (any, error) {
	switch value.T {
	case "null":
		return nil, nil
	case "bool":
		return unmarshal[bool](value)
	case "int":
		n, err := strconv.ParseInt(numberText(value), 10, 32)
		return int32(n), explain(value, err)
	case "long":
		n, err := strconv.ParseInt(numberText(value), 10, 64)
		return n, explain(value, err)
	case "float":
		f, err := strconv.ParseFloat(numberText(value), 32)
		return float32(f), explain(value, err)
	case "double":
		f, err := strconv.ParseFloat(numberText(value), 64)
		return f, explain(value, err)
	case "bytes":
		return unmarshal[[]byte](value)
	case "string":
		return unmarshal[string](value)
	case "map":
		return unmarshal[map[string]any](value)
	case "mapstr":
		return unmarshal[map[string]string](value)
	case "proto":
		message, err := unmarshal[Proto](value)
		return &rpcpb.ResultInfo{
			Cid: message.Cid, Error: message.Error, ResultType: message.ResultType, Result: message.Result,
		}, err
	case "marshal":
		id, err := unmarshal[string](value)
		return &beans.Req{Id: id}, err
	case "trace":
		span, err := unmarshal[log.TraceSpanImp](value)
		return &span, err
	case "session":
		fields, err := unmarshal[sessionFields](value)
		if err != nil {
			return nil, err
		}
		return fields.session(app)
	case "pmarshal":
		data, err := unmarshal[[]byte](value)
		return app.NewProtocolMarshal(data), err
	}
	return nil, fmt.Errorf("no argument type %q", value.T)
}

// FromGo describes a Go value that came out of mqant. Bytes of `marshal@…` and `proto@…` results are plain []byte to a
// Go caller, so they are tagged `bytes`.
func FromGo(value any) (Value, error) {
	switch v := value.(type) {
	case nil:
		return Value{T: "null"}, nil
	case bool:
		return tag("bool", v)
	case int32:
		return tag("int", v)
	case int64:
		return tag("long", strconv.FormatInt(v, 10))
	case float32:
		return float("float", float64(v), 32)
	case float64:
		return float("double", v, 64)
	case []byte:
		return tag("bytes", append([]byte{}, v...)) // nil and empty are the same on the wire
	case string:
		return tag("string", v)
	case map[string]any:
		return tag("map", v)
	case map[string]string:
		return tag("mapstr", v)
	case *rpcpb.ResultInfo:
		return tag("proto", Proto{Cid: v.Cid, Error: v.Error, ResultType: v.ResultType, Result: v.Result})
	case *beans.Req:
		return tag("marshal", v.Id)
	case *beans.Rsp:
		return tag("marshal", v.Msg)
	case gate.Session: // before TraceSpan, whose methods a Session has as well
		return tag("session", fieldsOf(v))
	case log.TraceSpan:
		return tag("trace", log.TraceSpanImp{Trace: v.TraceId(), Span: v.SpanId()})
	case module.ProtocolMarshal:
		return tag("pmarshal", v.GetData())
	}
	return Value{}, fmt.Errorf("no tag for Go type %T", value)
}

// sessionFields are the fields of a session that travel. Every receiver makes a new span id and forgets the topic (W-60).
type sessionFields struct {
	IP, Network, UserId, SessionId, ServerId, TraceId, SpanId, Topic string
	Settings                                                         map[string]string
}

func (f sessionFields) session(app module.App) (gate.Session, error) {
	data, err := proto.Marshal(&basegate.SessionImp{
		IP: f.IP, Network: f.Network, UserId: f.UserId, SessionId: f.SessionId, ServerId: f.ServerId,
		TraceId: f.TraceId, SpanId: f.SpanId, Settings: f.Settings, Topic: f.Topic,
	})
	if err != nil {
		return nil, err
	}
	return basegate.NewSession(app, data)
}

func fieldsOf(s gate.Session) sessionFields {
	return sessionFields{
		IP: s.GetIP(), Network: s.GetNetwork(), UserId: s.GetUserID(), SessionId: s.GetSessionID(),
		ServerId: s.GetServerID(), TraceId: s.TraceID(), SpanId: s.SpanID(), Settings: s.CloneSettings(), Topic: s.GetTopic(),
	}
}

func unmarshal[T any](value Value) (T, error) {
	var out T
	if len(value.V) == 0 {
		return out, nil
	}
	err := json.Unmarshal(value.V, &out)
	return out, explain(value, err)
}

func tag(kind string, v any) (Value, error) {
	raw, err := json.Marshal(v)
	return Value{T: kind, V: raw}, err
}

func float(kind string, f float64, bits int) (Value, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return tag(kind, strconv.FormatFloat(f, 'g', -1, bits))
	}
	// Shortest text that gives back the same float32, rather than its float64 expansion.
	return Value{T: kind, V: json.RawMessage(strconv.FormatFloat(f, 'g', -1, bits))}, nil
}

// Numbers may be written as JSON numbers or as text, for JSON has neither int64 nor NaN.
func numberText(value Value) string { return strings.Trim(string(value.V), `"`) }

func explain(value Value, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s is not a value of type %s: %w", value.V, value.T, err)
}
