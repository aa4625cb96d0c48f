// Package beans holds the user types that the peers exchange: the Marshalers of mqant's tutorial and a plain struct.
package beans

// Req is the tutorial's request: a Marshaler whose bytes are its id, label `marshal@req`.
type Req struct{ Id string }

func (r *Req) Marshal() ([]byte, error)    { return []byte(r.Id), nil }
func (r *Req) Unmarshal(data []byte) error { r.Id = string(data); return nil }
func (r *Req) String() string              { return "req" }

// Rsp is the tutorial's response: label `marshal@rsp`.
type Rsp struct{ Msg string }

func (r *Rsp) Marshal() ([]byte, error)    { return []byte(r.Msg), nil }
func (r *Rsp) Unmarshal(data []byte) error { r.Msg = string(data); return nil }
func (r *Rsp) String() string              { return "rsp" }

// Nameless is a Marshaler without a name, so that mqant labels it with its Go type: `marshal@*beans.Nameless`.
type Nameless struct{ Text string }

func (n *Nameless) Marshal() ([]byte, error)    { return []byte(n.Text), nil }
func (n *Nameless) Unmarshal(data []byte) error { n.Text = string(data); return nil }
func (n *Nameless) String() string              { return "" }

// Person is an ordinary struct: as a parameter it takes `bytes` that hold JSON, as a result mqant refuses it.
type Person struct {
	Name string   `json:"name"`
	Age  int      `json:"age"`
	Tags []string `json:"tags,omitempty"`
}
