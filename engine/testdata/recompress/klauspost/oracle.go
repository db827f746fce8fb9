// Compresses standard input with klauspost's packages, for comparison and for recording golden streams.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"os"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/pgzip"
)

func main() {
	part := flag.Int("b", 0, "bytes of a pgzip block; 0 for one raw deflate stream")
	level := flag.Int("l", -1, "level")
	size := flag.Int("w", 1<<16, "bytes of a write; 0 for random ones")
	flag.Parse()
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	var w io.WriteCloser
	if *part == 0 {
		f, err := flate.NewWriter(out, *level)
		check(err)
		w = f
	} else {
		p, err := pgzip.NewWriterLevel(out, *level)
		check(err)
		check(p.SetConcurrency(*part, 2))
		w = p
	}
	data, err := io.ReadAll(os.Stdin)
	check(err)
	random := rand.New(rand.NewSource(int64(len(data))))
	for len(data) > 0 {
		n := *size
		if n == 0 {
			n = random.Intn(2 << random.Intn(18))
		}
		if n > len(data) {
			n = len(data)
		}
		_, err := w.Write(data[:n])
		check(err)
		data = data[n:]
	}
	check(w.Close())
	check(out.Flush())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
