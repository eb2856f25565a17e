using System.Net;
using System.Text;

namespace BorgStore.Tests.S3;

/// <summary>Stands between a client and a real server, and answers some requests itself, or cuts them off.</summary>
internal sealed class FaultProxy : IAsyncDisposable
{
    private readonly HttpListener _listener;
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false });
    private readonly Uri _server;
    private readonly Task _loop;

    private FaultProxy(HttpListener listener, Uri address, Uri server)
    {
        (_listener, Address, _server) = (listener, address, server);
        _loop = RunAsync();
    }

    public Uri Address { get; }

    /// <summary>Decides for each request; <see langword="null"/> hands it on.</summary>
    public Func<HttpListenerRequest, Fault?> Decide { get; set; } = _ => null;

    public static FaultProxy Start(Uri server)
    {
        for (var port = 20_000 + Random.Shared.Next(10_000); ; port++)
        {
            var address = new Uri($"http://127.0.0.1:{port}/");
            var listener = new HttpListener { Prefixes = { address.ToString() } };
            try
            {
                listener.Start();
                return new(listener, address, server);
            }
            catch (HttpListenerException)
            {
                // Someone has the port.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _loop;
        _listener.Close();
        _client.Dispose();
    }

    private async Task RunAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
            _ = Task.Run(() => ServeAsync(context));
        }
    }

    private async Task ServeAsync(HttpListenerContext context)
    {
        try
        {
            var fault = Decide(context.Request);
            if (fault is { StallsFor: { } time }) await Task.Delay(time);
            if (fault is { Status: { } status }) await AnswerAsync(context, fault, status);
            else await HandOnAsync(context, fault);
        }
        catch (Exception e) when (e is IOException or HttpListenerException or HttpRequestException or ObjectDisposedException or InvalidOperationException)
        {
            context.Response.Abort();
        }
    }

    private static async Task AnswerAsync(HttpListenerContext context, Fault fault, HttpStatusCode status)
    {
        // A client that sends a body wants it read before it listens.
        await context.Request.InputStream.CopyToAsync(Stream.Null);
        context.Response.StatusCode = (int)status;
        context.Response.ContentType = "application/xml";
        foreach (var (name, value) in fault.Headers) context.Response.AddHeader(name, value);
        var body = Encoding.UTF8.GetBytes(fault.Body);
        if (context.Request.HttpMethod != "HEAD") await context.Response.OutputStream.WriteAsync(body);
        context.Response.Close();
    }

    private async Task HandOnAsync(HttpListenerContext context, Fault? fault)
    {
        using var request = new HttpRequestMessage(new HttpMethod(context.Request.HttpMethod), new Uri(_server, context.Request.RawUrl));
        if (context.Request.HasEntityBody) request.Content = new StreamContent(context.Request.InputStream);
        foreach (var name in context.Request.Headers.AllKeys)
        {
            if (name is null or "Expect" or "Connection") continue;
            if (!request.Headers.TryAddWithoutValidation(name, context.Request.Headers.GetValues(name)!))
                request.Content?.Headers.TryAddWithoutValidation(name, context.Request.Headers.GetValues(name)!);
        }
        using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (fault is { LosesAnswer: true })
        {
            context.Response.Abort();
            return;
        }
        context.Response.StatusCode = (int)response.StatusCode;
        foreach (var (name, values) in response.Headers.Concat(response.Content.Headers))
        {
            if (name is "Content-Length") context.Response.ContentLength64 = response.Content.Headers.ContentLength!.Value;
            else if (name is not ("Connection" or "Transfer-Encoding" or "Keep-Alive")) context.Response.AddHeader(name, string.Join(',', values));
        }
        if (context.Request.HttpMethod == "HEAD")
        {
            context.Response.Close();
            return;
        }
        await using var body = await response.Content.ReadAsStreamAsync();
        if (fault is { CutsAfter: { } bytes })
        {
            var part = new byte[bytes];
            await body.ReadExactlyAsync(part);
            await context.Response.OutputStream.WriteAsync(part);
            await context.Response.OutputStream.FlushAsync();
            context.Response.Abort();
            return;
        }
        await body.CopyToAsync(context.Response.OutputStream);
        context.Response.Close();
    }
}

/// <summary>What the proxy does with a request.</summary>
internal sealed record Fault
{
    public HttpStatusCode? Status { get; init; }

    public string Body { get; init; } = "";

    public Dictionary<string, string> Headers { get; init; } = [];

    public int? CutsAfter { get; init; }

    public bool LosesAnswer { get; init; }

    public TimeSpan? StallsFor { get; init; }

    /// <summary>An error as S3 words it.</summary>
    public static Fault Error(int status, string code, string message = "provoked") => new()
    {
        Status = (HttpStatusCode)status,
        Body = $"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message><RequestId>1</RequestId></Error>",
    };
}
