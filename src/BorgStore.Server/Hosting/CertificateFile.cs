using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server.Hosting;

/// <summary>The certificate of the server. It is read again when the file changes, so that a renewal needs no restart.</summary>
internal sealed partial class CertificateFile
{
    /// <summary>The environment variable with the password of a PFX file or an encrypted key.</summary>
    public const string PasswordVariable = "BORGSTORE_SERVER_CERTIFICATE_PASSWORD";

    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(1);
    private readonly string _path;
    private readonly string? _keyPath;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private SslStreamCertificateContext _current;
    private (DateTime, DateTime) _stamp;
    private long _checked;

    /// <summary>Reads the certificate.</summary>
    /// <param name="path">A PEM file with the chain, or a PFX file.</param>
    /// <param name="keyPath">The PEM file with the key, if it is a separate file.</param>
    /// <param name="logger">The logger for renewals.</param>
    public CertificateFile(string path, string? keyPath, ILogger logger)
    {
        (_path, _keyPath, _logger) = (path, keyPath, logger);
        _stamp = GetStamp();
        _current = Read();
        _checked = Environment.TickCount64;
    }

    /// <summary>Returns the current certificate with its chain.</summary>
    public SslStreamCertificateContext Get()
    {
        lock (_lock)
        {
            if (Environment.TickCount64 - _checked < CheckInterval.TotalMilliseconds) return _current;
            _checked = Environment.TickCount64;
            var stamp = GetStamp();
            if (stamp != _stamp) Reload(stamp);
            return _current;
        }
    }

    /// <summary>Reads the certificate again, even if its files seem unchanged.</summary>
    public void Refresh()
    {
        lock (_lock) Reload(GetStamp());
    }

    private void Reload((DateTime, DateTime) stamp)
    {
        try
        {
            _current = Read();
            _stamp = stamp;
            LogRenewed(_path);
        }
        catch (CryptographicException e)
        {
            // The file may be only partly written; the next connection tries again.
            LogNotRenewed(e.Message);
        }
    }

    // Wraps the many kinds of exceptions that an invalid file causes.
    private SslStreamCertificateContext Read()
    {
        try
        {
            return ReadFiles();
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or InvalidOperationException or NotSupportedException or IOException or UnauthorizedAccessException)
        {
            throw new CryptographicException($"The certificate '{_path}' can't be used: {e.Message}", e);
        }
    }

    private SslStreamCertificateContext ReadFiles()
    {
        var password = Environment.GetEnvironmentVariable(PasswordVariable);
        if (Path.GetExtension(_path).ToLowerInvariant() is ".pfx" or ".p12")
        {
            var all = X509CertificateLoader.LoadPkcs12CollectionFromFile(_path, password);
            var own = all.FirstOrDefault(certificate => certificate.HasPrivateKey)
                ?? throw new CryptographicException("It holds no private key. Export it together with its key.");
            return SslStreamCertificateContext.Create(own, all, offline: true);
        }
        using var certificate = password is null
            ? X509Certificate2.CreateFromPemFile(_path, _keyPath)
            : X509Certificate2.CreateFromEncryptedPemFile(_path, password, _keyPath);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(_path);
        // TLS on Windows cannot use a key loaded directly from PEM.
        return SslStreamCertificateContext.Create(
            X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null), chain, offline: true);
    }

    private (DateTime, DateTime) GetStamp()
        => (File.GetLastWriteTimeUtc(_path), _keyPath is null ? default : File.GetLastWriteTimeUtc(_keyPath));

    [LoggerMessage(LogLevel.Information, "Read the renewed certificate {Path}")]
    private partial void LogRenewed(string path);

    [LoggerMessage(LogLevel.Warning, "The renewed certificate cannot be read, so the old one stays in use: {Problem}")]
    private partial void LogNotRenewed(string problem);
}
