// Serves Vault's AWS secrets engine as an external plugin, for OpenBao. Built for tests only: nothing of it is shipped.
package main

import (
	"context"
	"os"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/builtin/logical/aws"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/plugin"
	"github.com/hashicorp/vault/sdk/rotation"
)

// OpenBao has no rotation manager, and without an answer config/root fails.
type system struct{ logical.SystemView }

func (system) DeregisterRotationJob(context.Context, *rotation.RotationJobDeregisterRequest) error {
	return nil
}

func factory(ctx context.Context, config *logical.BackendConfig) (logical.Backend, error) {
	config.System = system{config.System}
	return aws.Factory(ctx, config)
}

func main() {
	meta := &api.PluginAPIClientMeta{}
	if err := meta.FlagSet().Parse(os.Args[1:]); err != nil {
		os.Exit(2)
	}
	options := &plugin.ServeOpts{BackendFactoryFunc: factory, TLSProviderFunc: api.VaultPluginTLSProvider(meta.GetTLSConfig())}
	if err := plugin.ServeMultiplex(options); err != nil {
		os.Exit(1)
	}
}
