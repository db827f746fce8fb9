// Compresses standard input with Go's compress/flate, for comparison and for recording golden streams.
package main

import (
	"compress/flate"
	"io"
)

func main() {
	compress(func(out io.Writer, level int) writer {
		w, err := flate.NewWriter(out, level)
		check(err)
		return w
	})
}
