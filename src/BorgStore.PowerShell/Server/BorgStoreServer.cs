using System.Diagnostics;
using BorgStore.Security;

namespace BorgStore.PowerShell.Server;

/// <summary>A REST server that <c>Start-BorgStoreServer</c> started.</summary>
public sealed class BorgStoreServer
{
    private readonly ServerSettings _settings;

    internal BorgStoreServer(int id, ServerSettings settings, ServerProcess server)
    {
        (Id, _settings, Server) = (id, settings, server);
        try
        {
            Process = Process.GetProcessById(server.Id);
        }
        catch (ArgumentException)
        {
            // The process has already ended, which the session reports.
        }
    }

    /// <summary>The number of the server in this session.</summary>
    public int Id { get; }

    /// <summary>The URL for clients on this machine.</summary>
    public string Uri => Server.Url;

    /// <summary>The URL of the served store, or of the root below which the stores are, without its password.</summary>
    public string StoreUri => StoreUrl.Redact(_settings.StoreUrl);

    /// <summary>The rights of clients by path, or <see langword="null"/> if everything is allowed.</summary>
    public PermissionMap? Permission => _settings.Permission;

    /// <summary>The maximum total size of all values [bytes], or <see langword="null"/> if none was set.</summary>
    public long? Quota => _settings.Quota;

    /// <summary>The file with users and passwords, or <see langword="null"/> if there is none.</summary>
    public string? UserFile => _settings.Root?.UserFile;

    /// <summary>The file with the rights of users, or <see langword="null"/> if there is none.</summary>
    public string? RightsFile => _settings.Root?.RightsFile;

    /// <summary>Whether the server is still running.</summary>
    public bool IsRunning => !Server.HasEnded;

    /// <summary>The process of the server, or <see langword="null"/> if it had ended before it was found.</summary>
    public Process? Process { get; }

    internal ServerProcess Server { get; }

    /// <inheritdoc/>
    public override string ToString() => Uri;
}
