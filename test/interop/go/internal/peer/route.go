package peer

import (
	"sync"
	"time"

	"github.com/liangdas/mqant/module"
	"github.com/liangdas/mqant/selector"
)

// Route picks a node as App.Call does, and sees to it that the reply to the first call of a session can arrive.
//
// mqant subscribes the reply inbox of a new session in a goroutine and publishes without waiting for it. When the node
// is quicker, the reply is lost and the call times out (1 of 12 measured between idle local processes). A peer for tests
// must not flicker, so a session gets 50 ms, once.
func (p *Peer) Route(target string, options ...selector.SelectOption) (module.ServerSession, error) {
	session, err := p.App.GetRouteServer(target, options...)
	if err != nil {
		return nil, err
	}
	once, _ := p.sessions.LoadOrStore(session, new(sync.Once))
	once.(*sync.Once).Do(func() {
		time.Sleep(50 * time.Millisecond)
		_ = p.Nats.Flush()
	})
	return session, nil
}
