using System.Collections.Specialized;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace BorgStore.Tests.S3.Servers;

/// <summary>A proxy between a client and a real server that answers some requests itself or cuts them off.</summary>
internal sealed class FaultProxy : IAsyncDisposable
{
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false });
    private readonly Uri _server;
    private readonly WebApplication _application;

    private FaultProxy(Uri server)
    {
        _server = server;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0").ConfigureKestrel(options => options.Limits.MaxRequestBodySize = null);
        _application = builder.Build();
        _application.Run(ServeAsync);
    }

    public Uri Address => new(_application.Services.GetRequiredService<Microsoft.AspNetCore.Hosting.Server.IServer>()
        .Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <summary>Returns the fault for a request, or <see langword="null"/> to forward it.</summary>
    public Func<ProxiedRequest, Fault?> Decide { get; set; } = _ => null;

    public static FaultProxy Start(Uri server)
    {
        var proxy = new FaultProxy(server);
        ((Microsoft.Extensions.Hosting.IHost)proxy._application).StartAsync().GetAwaiter().GetResult();
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _client.Dispose();
    }

    private async Task ServeAsync(HttpContext context)
    {
        try
        {
            var request = ProxiedRequest.Of(context);
            var fault = Decide(request);
            if (fault is { StallsFor: { } time }) await Task.Delay(time, context.RequestAborted);
            if (fault is { LosesRequest: true }) context.Abort();
            else if (fault is { Status: { } status }) await AnswerAsync(context, fault, status);
            else await HandOnAsync(context, request, fault);
        }
        catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException)
        {
            context.Abort();
        }
    }

    private static async Task AnswerAsync(HttpContext context, Fault fault, HttpStatusCode status)
    {
        // Clients read the response only after sending the whole body.
        await context.Request.Body.CopyToAsync(Stream.Null);
        context.Response.StatusCode = (int)status;
        context.Response.ContentType = "application/xml";
        foreach (var (name, value) in fault.Headers) context.Response.Headers[name] = value;
        var body = Encoding.UTF8.GetBytes(fault.Body);
        if (context.Request.Method != "HEAD") await context.Response.Body.WriteAsync(body);
    }

    private async Task HandOnAsync(HttpContext context, ProxiedRequest from, Fault? fault)
    {
        // Forwards the exact target, because it is signed.
        var target = new Uri(_server.GetLeftPart(UriPartial.Authority) + from.RawUrl, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        using var request = new HttpRequestMessage(new HttpMethod(from.HttpMethod), target);
        if (context.Request.ContentLength is not null || context.Request.Headers.TransferEncoding.Count > 0)
            request.Content = new StreamContent(context.Request.Body);
        foreach (var (name, values) in context.Request.Headers)
        {
            if (name is "Expect" or "Connection" or "Transfer-Encoding") continue;
            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string>)values!))
                request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string>)values!);
        }
        using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, context.RequestAborted);
        if (fault is { LosesAnswer: true })
        {
            await response.Content.LoadIntoBufferAsync();
            context.Abort();
            return;
        }
        context.Response.StatusCode = (int)response.StatusCode;
        foreach (var (name, values) in response.Headers.Concat(response.Content.Headers))
            if (name is not ("Connection" or "Transfer-Encoding" or "Keep-Alive")) context.Response.Headers[name] = values.ToArray();
        await using var body = await response.Content.ReadAsStreamAsync();
        if (fault is { CutsAfter: { } bytes })
        {
            var part = new byte[bytes];
            await body.ReadExactlyAsync(part);
            await context.Response.Body.WriteAsync(part);
            await context.Response.Body.FlushAsync();
            context.Abort();
            return;
        }
        if (from.HttpMethod != "HEAD") await body.CopyToAsync(context.Response.Body);
    }
}

/// <summary>A request received by the proxy.</summary>
/// <param name="HttpMethod">The method.</param>
/// <param name="RawUrl">The exact path and query.</param>
/// <param name="Headers">The headers; missing ones are <see langword="null"/>.</param>
internal sealed record ProxiedRequest(string HttpMethod, string RawUrl, NameValueCollection Headers)
{
    public static ProxiedRequest Of(HttpContext context)
    {
        var headers = new NameValueCollection(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, values) in context.Request.Headers) headers[name] = values;
        return new(context.Request.Method, context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget, headers);
    }
}

/// <summary>The fault that the proxy causes for a request.</summary>
internal sealed record Fault
{
    public HttpStatusCode? Status { get; init; }

    public string Body { get; init; } = "";

    public Dictionary<string, string> Headers { get; init; } = [];

    /// <summary>The number of bytes of the response's body after which the connection is cut.</summary>
    public int? CutsAfter { get; init; }

    /// <summary>Whether the connection is cut before the server receives the request.</summary>
    public bool LosesRequest { get; init; }

    /// <summary>Whether the connection is cut after the server has handled the request.</summary>
    public bool LosesAnswer { get; init; }

    public TimeSpan? StallsFor { get; init; }

    /// <summary>Returns an error in the format of S3.</summary>
    public static Fault Error(int status, string code, string message = "provoked") => new()
    {
        Status = (HttpStatusCode)status,
        Body = $"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message><RequestId>1</RequestId></Error>",
    };
}
