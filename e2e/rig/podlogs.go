package rig

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

const (
	// podLogs is the kubelet's folder: NAMESPACE_POD_UID/CONTAINER/RESTART.log. It forgets a pod's with the pod.
	podLogs = "pods"
	// keptPodLogs has the same files by further links, which stay.
	keptPodLogs = "pods-kept"
)

// keepPodLogs begins to keep the logs of pods that go: what explains a failure is often in one that was replaced.
func (r *Rig) keepPodLogs() error {
	keep := func(object any) {
		if gone, is := object.(cache.DeletedFinalStateUnknown); is {
			object = gone.Obj
		}
		if pod, is := object.(*corev1.Pod); is {
			linkLogs(r.folder, pod.Namespace+"_"+pod.Name+"_"+string(pod.UID))
		}
	}
	factory := informers.NewSharedInformerFactory(r.client, 0)
	// A pod's status changes whenever one of its containers begins or ends, and once more before it goes.
	_, err := factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: keep, UpdateFunc: func(_, pod any) { keep(pod) }, DeleteFunc: keep,
	})
	if err != nil {
		return fmt.Errorf("watch the pods, to keep their logs: %w", err)
	}
	stop := make(chan struct{})
	factory.Start(stop)
	r.onClose(func() error {
		close(stop)
		factory.Shutdown()
		return nil
	})
	return nil
}

// linkLogs gives the logs of one pod, so far as there are any, a second name each. A log that is written on grows under both.
func linkLogs(rig, pod string) {
	logs, err := filepath.Glob(filepath.Join(rig, podLogs, pod, "*", "*.log"))
	if err != nil {
		return // no name of a pod is a malformed pattern
	}
	for _, log := range logs {
		kept := filepath.Join(rig, keptPodLogs, pod, filepath.Base(filepath.Dir(log)), filepath.Base(log))
		// Where that cannot be, the pods that are there still have theirs.
		if os.MkdirAll(filepath.Dir(kept), 0o755) == nil {
			_ = os.Link(log, kept)
		}
	}
}

// savePodLogs copies the logs of all pods, also of those that are gone, to folder/NAMESPACE/POD/CONTAINER.RESTART.log.
func savePodLogs(rig, folder string) error {
	var all []error
	saved := map[string]bool{}
	for _, from := range []string{keptPodLogs, podLogs} {
		logs, err := filepath.Glob(filepath.Join(rig, from, "*", "*", "*.log"))
		if err != nil {
			return fmt.Errorf("list the pods' logs: %w", err)
		}
		for _, log := range logs {
			container := filepath.Dir(log)
			name := filepath.Join(filepath.Base(filepath.Dir(container)), filepath.Base(container), filepath.Base(log))
			parts := strings.Split(filepath.Base(filepath.Dir(container)), "_")
			if saved[name] || len(parts) != 3 {
				continue
			}
			saved[name] = true
			target := filepath.Join(folder, parts[0], parts[1])
			file := filepath.Base(container) + "." + filepath.Base(log)
			if _, err := os.Stat(filepath.Join(target, file)); err == nil {
				target += "." + strings.SplitN(parts[2], "-", 2)[0] // one of the same name came after it
			}
			all = append(all, copyLog(log, filepath.Join(target, file)))
		}
	}
	return errors.Join(all...)
}

// copyLog copies a container's log without what the format of a container runtime puts before each line, the time excepted.
// One that went meanwhile is none of the run's.
func copyLog(from, to string) error {
	source, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read a pod's log: %w", err)
	}
	defer source.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("make artifacts folder: %w", err)
	}
	target, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("write a pod's log: %w", err)
	}
	writer := bufio.NewWriter(target)
	err = errors.Join(plainLog(writer, source), writer.Flush())
	if closeErr := target.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("copy log %s: %w", from, err)
	}
	return nil
}

// plainLog makes "TIME text" of the lines "TIME STREAM TAG text" that a container runtime writes; a text that it broke into
// several (tag P) is one line again.
func plainLog(to io.Writer, from io.Reader) error {
	reader := bufio.NewReader(from)
	partial := false
	for {
		line, err := reader.ReadBytes('\n')
		if len(line) > 0 {
			parts := bytes.SplitN(line, []byte(" "), 4)
			if len(parts) == 4 && (string(parts[2]) == "F" || string(parts[2]) == "P") {
				text := parts[3]
				if !partial {
					text = append(append(bytes.Clone(parts[0]), ' '), text...)
				}
				if partial = string(parts[2]) == "P"; partial {
					text = bytes.TrimSuffix(text, []byte("\n"))
				}
				line = text
			}
			if _, err := to.Write(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
