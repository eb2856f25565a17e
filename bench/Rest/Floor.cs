using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace BorgStore.Benchmarks.Rest;

/// <summary>What the servers are compared with: a bare Kestrel handler that reads and writes the same files without any checks.</summary>
internal static class Floor
{
    /// <summary>Serves a folder.</summary>
    /// <param name="port">The port.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="books">What is noted of each request, if anything is.</param>
    public static void Run(int port, string folder, Books? books)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.ListenLocalhost(port, listener => listener.Protocols = HttpProtocols.Http1));
        var app = builder.Build();
        app.Run(books is null ? context => HandleAsync(context, folder) : context => books.NoteAsync(context, () => HandleAsync(context, folder)));
        app.Run();
    }

    private static async Task HandleAsync(HttpContext context, string folder)
    {
        var path = folder + context.Request.Path.Value;
        if (context.Request.Method == "POST")
        {
            var temporary = $"{path}.{Guid.NewGuid():n}.tmp";
            await using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0))
                await context.Request.Body.CopyToAsync(file);
            File.Move(temporary, path, overwrite: true);
            return;
        }
        using var handle = File.OpenHandle(path);
        var length = RandomAccess.GetLength(handle);
        context.Response.ContentLength = length;
        var buffer = context.Response.BodyWriter.GetMemory((int)length);
        context.Response.BodyWriter.Advance(RandomAccess.Read(handle, buffer.Span[..(int)length], 0));
    }
}

/// <summary>The least that a login, metrics and an audit log take: one comparison, as many instruments for requests and for calls to the storage with the
/// same exporter, and a line of the same content in a file that is never rotated, shared or checked.</summary>
internal sealed class Books : IDisposable
{
    private readonly string _login;
    private readonly FileStream _audit;
    private readonly Lock _lock = new();
    private readonly Meter _meter = new("Floor");
    private readonly MeterProvider _provider;
    private readonly Instruments _requests;
    private readonly Instruments _calls;

    /// <summary>Opens the books.</summary>
    /// <param name="login">The only header <c>Authorization</c> that is accepted.</param>
    /// <param name="audit">The file of the audit log.</param>
    public Books(string login, string audit)
    {
        _login = login;
        _audit = new(audit, FileMode.Append, FileAccess.Write, FileShare.Read, 0);
        (_requests, _calls) = (new(_meter, "request"), new(_meter, "call"));
        _provider = Sdk.CreateMeterProviderBuilder().AddMeter("Floor").AddPrometheusExporter().Build();
    }

    /// <summary>Handles a request and notes it.</summary>
    public async Task NoteAsync(HttpContext context, Func<Task> handle)
    {
        var start = Stopwatch.GetTimestamp();
        if (!CryptographicOperations.FixedTimeEquals(MemoryMarshal.AsBytes(_login.AsSpan()), MemoryMarshal.AsBytes(context.Request.Headers.Authorization.ToString().AsSpan())))
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }
        await handle();
        var isStore = context.Request.Method == "POST";
        var duration = Stopwatch.GetElapsedTime(start);
        if (isStore) Write(context, duration);
        var operation = isStore ? "store" : "load";
        _calls.Record(duration, new() { { "operation", operation }, { "scheme", "file" } });
        _requests.Record(duration, new() { { "operation", operation }, { "store", "bench" }, { "status", "2xx" } });
    }

    public void Dispose()
    {
        _provider.Dispose();
        _meter.Dispose();
        _audit.Dispose();
    }

    private void Write(HttpContext context, TimeSpan duration)
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(new
        {
            time = DateTime.UtcNow,
            id = context.TraceIdentifier,
            client = new IPEndPoint(context.Connection.RemoteIpAddress!, context.Connection.RemotePort).ToString(),
            user = "bench",
            store = "bench",
            operation = "store",
            method = context.Request.Method,
            name = context.Request.Path.Value,
            status = context.Response.StatusCode,
            received = context.Request.ContentLength,
            sent = 0,
            ms = duration.TotalMilliseconds,
        });
        lock (_lock) _audit.Write([.. line, (byte)'\n']);
    }

    private sealed class Instruments(Meter meter, string name)
    {
        private readonly Counter<long> _count = meter.CreateCounter<long>(name);
        private readonly Counter<long> _bytes = meter.CreateCounter<long>($"{name}.bytes");
        private readonly Histogram<double> _durations = meter.CreateHistogram<double>($"{name}.duration", "s");

        public void Record(TimeSpan duration, TagList tags)
        {
            _count.Add(1, tags);
            _bytes.Add(1024, tags);
            _durations.Record(duration.TotalSeconds, tags);
        }
    }
}
