using System.Net;
using System.Net.Sockets;
using System.Reflection;
using BorgStore.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace BorgStore.Server.Observability;

/// <summary>Passes metrics on: to Prometheus at an address of their own or on the port of the stores, and to a collector by OTLP. Only this class uses OpenTelemetry, whose
/// assemblies are not loaded without it.</summary>
internal sealed class MetricsExport : IAsyncDisposable
{
    /// <summary>The path of the metrics in Prometheus's text format.</summary>
    public const string Path = "/-/metrics";

    private const int MaxConnections = 64;
    // Enough for hundreds of stores with all operations; what is beyond has the label otel_metric_overflow.
    private const int MaxLabelSets = 20_000;
    private static readonly string[] CollectorVariables = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"];
    // From a lookup in a warm folder to a large value over a slow line.
    private static readonly double[] DurationBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

    private readonly MeterProvider _provider;
    private readonly IPEndPoint? _endpoint;
    private readonly WebApplication? _app;

    private MetricsExport(IPEndPoint? endpoint, bool isOnMainPort, StatusPages pages, ILoggerProvider logger)
    {
        var builder = Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(resource => resource
                .AddService("borgstore-server-rest", serviceVersion: Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0])
                // After the defaults, so that OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES replace them.
                .AddEnvironmentVariableDetector())
            .AddMeter(ServerMetrics.MeterName, StoreInstruments.MeterName)
            .AddView(instrument => instrument.Unit == "s"
                ? new ExplicitBucketHistogramConfiguration { Boundaries = DurationBounds, CardinalityLimit = MaxLabelSets }
                : new MetricStreamConfiguration { CardinalityLimit = MaxLabelSets });
        if (HasCollector) builder.AddOtlpExporter();
        if (endpoint is not null || isOnMainPort) builder.AddPrometheusExporter(prometheus => prometheus.ScopeInfoEnabled = false);
        _provider = builder.Build();
        _endpoint = endpoint;
        if (endpoint is not null) _app = BuildApp(endpoint, pages, logger);
    }

    /// <summary>The URL of the metrics for Prometheus, if there is one, after the start.</summary>
    public string? Url => _app is null ? null : _app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First() + Path;

    private static bool HasCollector => CollectorVariables.Any(variable => Environment.GetEnvironmentVariable(variable) is { Length: > 0 });

    /// <summary>Creates the export if it is wanted.</summary>
    /// <param name="endpoint">The address for Prometheus, or <see langword="null"/>.</param>
    /// <param name="isOnMainPort">Whether Prometheus reads on the port of the stores.</param>
    /// <param name="pages">The pages about the server, which are at the address too.</param>
    /// <param name="logger">The log.</param>
    public static MetricsExport? CreateIfWanted(IPEndPoint? endpoint, bool isOnMainPort, StatusPages pages, ILoggerProvider logger)
        => endpoint is not null || isOnMainPort || HasCollector ? new(endpoint, isOnMainPort, pages, logger) : null;

    /// <summary>Creates a handler that sends the metrics to Prometheus.</summary>
    /// <param name="services">The services of the server that has the handler.</param>
    public RequestDelegate CreateHandler(IServiceProvider services)
    {
        var app = new ApplicationBuilder(services);
        app.UseOpenTelemetryPrometheusScrapingEndpoint(_provider, predicate: _ => true, path: null, configureBranchedPipeline: null, optionsName: null);
        return app.Build();
    }

    /// <summary>Starts listening.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (_app is null) return;
        try
        {
            await _app.StartAsync(cancellationToken);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new IOException($"Listening on {_endpoint} for metrics failed: {e.Message} Choose another --metrics-listen.", e);
        }
    }

    /// <summary>Sends the last metrics to the collector and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_app is not null) await _app.DisposeAsync();
        _provider.Dispose();
    }

    // A server of its own, so that metrics are neither within reach of the store's clients nor out of reach because of them.
    private WebApplication BuildApp(IPEndPoint endpoint, StatusPages pages, ILoggerProvider logger)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Logging.AddProvider(logger).SetMinimumLevel(LogLevel.Trace);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = MaxConnections;
            kestrel.Listen(endpoint, listener => listener.Protocols = HttpProtocols.Http1);
        });
        var app = builder.Build();
        app.UseOpenTelemetryPrometheusScrapingEndpoint(_provider, predicate: null, Path, configureBranchedPipeline: null, optionsName: null);
        app.Run(context =>
        {
            if (StatusPages.Find(context) is { } page) return pages.AnswerAsync(context, page);
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
        return app;
    }
}
