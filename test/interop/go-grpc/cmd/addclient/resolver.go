package main

import (
	"context"
	"net"
	"strconv"
	"time"

	consul "github.com/hashicorp/consul/api"
	"google.golang.org/grpc/resolver"
)

// builder makes resolvers of consul:///name, which follow the passing nodes of a service.
type builder struct{ client *consul.Client }

func (*builder) Scheme() string { return "consul" }

func (b *builder) Build(target resolver.Target, conn resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	ctx, cancel := context.WithCancel(context.Background())
	go b.follow(ctx, target.Endpoint(), conn)
	return &following{cancel: cancel}, nil
}

type following struct{ cancel context.CancelFunc }

func (*following) ResolveNow(resolver.ResolveNowOptions) {}
func (f *following) Close()                              { f.cancel() }

func (b *builder) follow(ctx context.Context, service string, conn resolver.ClientConn) {
	var index uint64
	for ctx.Err() == nil {
		options := (&consul.QueryOptions{WaitIndex: index, WaitTime: 10 * time.Second}).WithContext(ctx)
		entries, meta, err := b.client.Health().Service(service, "", true, options)
		if err != nil {
			conn.ReportError(err)
			time.Sleep(200 * time.Millisecond)
			continue
		}
		index = meta.LastIndex
		var state resolver.State
		for _, entry := range entries {
			address := net.JoinHostPort(entry.Service.Address, strconv.Itoa(entry.Service.Port))
			state.Addresses = append(state.Addresses, resolver.Address{Addr: address})
		}
		_ = conn.UpdateState(state)
	}
}
