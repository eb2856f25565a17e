using System.Diagnostics;
using BorgStore.Security;

namespace BorgStore.Commands;

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
            // It has ended by now, which the session tells.
        }
    }

    /// <summary>Its number in this session.</summary>
    public int Id { get; }

    /// <summary>Where clients of this machine reach it.</summary>
    public string Uri => Server.Url;

    /// <summary>The URL of the store that it serves, without its password.</summary>
    public string StoreUri => StoreUrl.Redact(_settings.StoreUrl);

    /// <summary>What clients may do under which names; <see langword="null"/> for everything.</summary>
    public PermissionMap? Permission => _settings.Permission;

    /// <summary>The most bytes that all values together may have; <see langword="null"/> where none was set.</summary>
    public long? Quota => _settings.Quota;

    /// <summary>Whether it runs still.</summary>
    public bool IsRunning => !Server.HasEnded;

    /// <summary>Its process.</summary>
    public Process? Process { get; }

    internal ServerProcess Server { get; }

    /// <inheritdoc/>
    public override string ToString() => Uri;
}
