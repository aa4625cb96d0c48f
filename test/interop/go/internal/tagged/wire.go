package tagged

import (
	"encoding/json"
	"fmt"
	"strings"

	basegate "github.com/liangdas/mqant/gate/base"
	"github.com/liangdas/mqant/log"
	rpcpb "github.com/liangdas/mqant/rpc/pb"
	argsutil "github.com/liangdas/mqant/rpc/util"
	"google.golang.org/protobuf/proto"
)

// FromWire describes an encoded argument or result without losing what a mqant receiver would change (span ids, the
// topic of a session). It fails for labels that mqant itself does not know and for bytes that it cannot decode.
func FromWire(label string, data []byte) (value Value, err error) {
	switch {
	case label == argsutil.TRACE:
		var span log.TraceSpanImp
		if err := json.Unmarshal(data, &span); err != nil {
			return Value{}, err
		}
		return FromGo(&span)
	case label == basegate.RPCParamSessionType:
		session, err := basegate.NewSession(nil, data)
		if err != nil {
			return Value{}, err
		}
		return FromGo(session)
	case label == basegate.RPCParamProtocolMarshalType:
		return tag("pmarshal", data)
	case strings.HasPrefix(label, argsutil.Marshal):
		return tag("marshal", string(data))
	case strings.HasPrefix(label, argsutil.Proto):
		message := new(rpcpb.ResultInfo)
		if err := proto.Unmarshal(data, message); err != nil {
			return Value{}, err
		}
		return FromGo(message)
	}
	defer func() {
		if r := recover(); r != nil { // too few bytes: mqant panics, with or without an app
			err = fmt.Errorf("cannot decode %q: %v", label, r)
		}
	}()
	decoded, err := argsutil.Bytes2Args(nil, label, data)
	if err != nil {
		return Value{}, err
	}
	return FromGo(decoded)
}
