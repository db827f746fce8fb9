// Compresses standard input with klauspost's zstd package, for comparison and for recording golden streams.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

func main() {
	level := flag.Int("l", 2, "level, 1 to 4")
	step := flag.Int("w", 1<<15, "bytes of a write; 0 for ReadFrom")
	threads := flag.Int("c", 2, "concurrency")
	flush := flag.Bool("f", false, "flush before the end")
	sniff := flag.Bool("s", false, "write the first 8 bytes by themselves, the rest by ReadFrom")
	frame := flag.Int("n", 0, "bytes of a frame, all by one encoder that is reset between them; 0 for one frame")
	turns := flag.Int("t", 1, "encode so many times, for measuring")
	flag.Parse()
	in, err := io.ReadAll(os.Stdin)
	check(err)
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	lv := zstd.WithEncoderLevel(zstd.EncoderLevel(*level))
	for ; *turns > 0; *turns-- {
		e, err := zstd.NewWriter(out, lv, zstd.WithEncoderConcurrency(*threads))
		check(err)
		for rest := in; ; {
			now := rest
			if *frame > 0 && len(now) > *frame {
				now = now[:*frame]
			}
			rest = rest[len(now):]
			if *sniff && len(now) > 8 {
				write(e, now[:8], 8)
				write(e, now[8:], 0)
			} else {
				write(e, now, *step)
			}
			if *flush {
				check(e.Flush())
			}
			check(e.Close())
			if len(rest) == 0 {
				break
			}
			e.Reset(out)
		}
	}
	check(out.Flush())
}

func write(e *zstd.Encoder, data []byte, step int) {
	if step == 0 {
		_, err := e.ReadFrom(&reader{data})
		check(err)
		return
	}
	for len(data) > 0 {
		n := step
		if n > len(data) {
			n = len(data)
		}
		_, err := e.Write(data[:n])
		check(err)
		data = data[n:]
	}
}

type reader struct{ data []byte }

func (r *reader) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
