package main

import (
	"fmt"

	"anthill.test/interop/internal/beans"
	mqrpc "github.com/liangdas/mqant/rpc"
	rpcpb "github.com/liangdas/mqant/rpc/pb"
)

// decodeAs reads the reply as a Go user does, with the helper of mqant's package mqrpc; "" leaves it as it came.
func decodeAs(helper string, call func() (any, string)) (any, string) {
	switch helper {
	case "":
		return call()
	case "Int":
		n, err := typed(mqrpc.Int, call)
		return int64(n.(int)), err
	case "Int64":
		return typed(mqrpc.Int64, call)
	case "Float64":
		return typed(mqrpc.Float64, call)
	case "String":
		return typed(mqrpc.String, call)
	case "Bytes":
		return typed(mqrpc.Bytes, call)
	case "Bool":
		return typed(mqrpc.Bool, call)
	case "StringMap":
		return typed(mqrpc.StringMap, call)
	case "InterfaceMap":
		return typed(mqrpc.InterfaceMap, call)
	case "Proto":
		bean := new(rpcpb.ResultInfo)
		return bean, errorText(mqrpc.Proto(bean, func() (any, any) { return call() }))
	case "Marshal":
		bean := new(beans.Rsp)
		return bean, errorText(mqrpc.Marshal(bean, func() (any, any) { return call() }))
	}
	return nil, fmt.Sprintf("caller: no helper mqrpc.%s", helper)
}

func typed[T any](helper func(any, any) (T, error), call func() (any, string)) (any, string) {
	reply, text := call()
	value, err := helper(reply, text)
	return value, errorText(err)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
