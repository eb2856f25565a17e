using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.S3.Servers;

/// <summary>A store on S3 behind our server in a process of its own with the test's environment,
/// because the SDK and .NET read some variables only once per process.</summary>
internal sealed class ServedStore : IAsyncDisposable
{
    private readonly ServerProcess _server;

    private ServedStore(ServerProcess server, IBackend backend) => (_server, Backend) = (server, backend);

    /// <summary>The store, open.</summary>
    public IBackend Backend { get; }

    /// <summary>Starts the server and opens the store.</summary>
    /// <param name="url">The URL of the store, which may contain a secret.</param>
    /// <param name="environment">Additional environment variables of the server.</param>
    /// <exception cref="InvalidOperationException">The store could not be opened; the message is the server's output.</exception>
    public static async Task<ServedStore> StartAsync(string url, params (string Name, string Value)[] environment)
    {
        var variables = new Dictionary<string, string>
        {
            ["BORGSTORE_SERVER_BACKEND"] = url,
            // Hides the machine's own settings.
            ["AWS_ACCESS_KEY_ID"] = "",
            ["AWS_SECRET_ACCESS_KEY"] = "",
            ["AWS_PROFILE"] = "",
            ["AWS_EC2_METADATA_DISABLED"] = "true",
            ["AWS_CONFIG_FILE"] = "/no/such/file",
            ["AWS_SHARED_CREDENTIALS_FILE"] = "/no/such/file",
        };
        foreach (var (name, value) in environment) variables[name] = value;
        var (server, address) = await ServerProcess.StartOurServerAsync(variables, "--port", "0");
        var backend = new RestBackend(address);
        try
        {
            await backend.OpenAsync(TestContext.Current.CancellationToken);
            return new(server, backend);
        }
        catch (StoreException e)
        {
            await backend.DisposeAsync();
            await server.DisposeAsync();
            throw new InvalidOperationException($"{e.Message} {server.Output}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Backend.DisposeAsync();
        await _server.DisposeAsync();
    }
}
