// Package addservice is proto/addservice.proto for Go, written by hand: two messages and one method are less than what a generator makes of them.
package addservice

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
)

// Name is the full name of the service.
const Name = "addservice.AddService"

// AddRequest is what add gets.
type AddRequest struct {
	A int64 `protobuf:"varint,1,opt,name=a,proto3"`
	B int64 `protobuf:"varint,2,opt,name=b,proto3"`
}

// AddResponse is what add gives.
type AddResponse struct {
	V   int64  `protobuf:"varint,1,opt,name=v,proto3"`
	Err string `protobuf:"bytes,2,opt,name=err,proto3"`
}

func (m *AddRequest) Reset()         { *m = AddRequest{} }
func (m *AddRequest) String() string { return fmt.Sprintf("%d + %d", m.A, m.B) }
func (*AddRequest) ProtoMessage()    {}

func (m *AddResponse) Reset()         { *m = AddResponse{} }
func (m *AddResponse) String() string { return fmt.Sprintf("%d %s", m.V, m.Err) }
func (*AddResponse) ProtoMessage()    {}

// Server is what serves it.
type Server interface {
	Add(context.Context, *AddRequest) (*AddResponse, error)
}

// Register adds it to a gRPC server.
func Register(registrar grpc.ServiceRegistrar, server Server) {
	registrar.RegisterService(&grpc.ServiceDesc{
		ServiceName: Name,
		HandlerType: (*Server)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "add", Handler: add}},
		Metadata:    "addservice.proto",
	}, server)
}

func add(server any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
	request := new(AddRequest)
	if err := decode(request); err != nil {
		return nil, err
	}
	handle := func(ctx context.Context, request any) (any, error) {
		return server.(Server).Add(ctx, request.(*AddRequest))
	}
	if interceptor == nil {
		return handle(ctx, request)
	}
	return interceptor(ctx, request, &grpc.UnaryServerInfo{Server: server, FullMethod: "/" + Name + "/add"}, handle)
}

// Add calls it.
func Add(ctx context.Context, conn grpc.ClientConnInterface, request *AddRequest, options ...grpc.CallOption) (*AddResponse, error) {
	response := new(AddResponse)
	err := conn.Invoke(ctx, "/"+Name+"/add", request, response, options...)
	return response, err
}
