// Package conformance runs the upstream conformance suite of the Gateway API, as it is released.
package conformance

import (
	"testing"

	"sigs.k8s.io/gateway-api/conformance"
)

// TestConformance takes upstream's flags, and finds the cluster by the variable KUBECONFIG.
func TestConformance(t *testing.T) {
	conformance.RunConformance(t)
}
