using System.Net;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Rest;

/// <summary>A server that mixes up requests like Python's before 0.6.2: each request opens and closes the one shared backend, so that a parallel
/// one finds it open, or closed by another, before or after its work. One of our servers behind it does the actual work.</summary>
internal sealed class MixingServer : IAsyncDisposable
{
    // Headers that the old server does not have: our own, and those added in 0.6.1.
    private static readonly string[] Marks = ["X-BorgStore-Server", "X-BorgStore-Error", "X-BorgStore-Detail", "X-BorgStore-Name", "Repr-Digest"];

    private readonly HttpListener _listener = new();
    private readonly HttpClient _client = new();
    private readonly TestServer _server;
    private readonly bool _hasWriteTimes;
    private bool _isOpen;
    private int _refused;
    private int _spoiled;

    private MixingServer(TestServer server, bool hasWriteTimes)
    {
        (_server, _hasWriteTimes) = (server, hasWriteTimes);
        Url = $"http://127.0.0.1:{TestPorts.FindFree()}";
        _listener.Prefixes.Add(Url + "/");
        _listener.Start();
        _ = ServeAsync();
    }

    public string Url { get; }

    /// <summary>The number of requests that were answered with 412 before their work was done.</summary>
    public int Refused => _refused;

    /// <summary>The number of requests that were answered with 412 after their work was done.</summary>
    public int Spoiled => _spoiled;

    /// <summary>Whether every request is rejected, as if the backend stayed open forever.</summary>
    public bool IsStuck { get; set; }

    public string[] ListFiles() => _server.ListFiles();

    /// <summary>Starts a server with an empty store.</summary>
    /// <param name="hasWriteTimes">Whether it returns write times, like 0.6.1 but not 0.6.0.</param>
    public static async Task<MixingServer> StartAsync(bool hasWriteTimes) => new(await TestServer.StartAsync(), hasWriteTimes);

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        _client.Dispose();
        await _server.DisposeAsync();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true) _ = AnswerAsync(await _listener.GetContextAsync());
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        try
        {
            using var body = new MemoryStream();
            await context.Request.InputStream.CopyToAsync(body);
            // All requests that arrive before the first one has opened the backend see it as closed.
            var mayEnter = !_isOpen && !IsStuck;
            await Task.Delay(1);
            if (!mayEnter)
            {
                Interlocked.Increment(ref _refused);
                Refuse(context);
                return;
            }
            _isOpen = true;
            await Task.Delay(1);
            if (!_isOpen)
            {
                Interlocked.Increment(ref _refused);
                Refuse(context);
                return;
            }
            using var answer = await ForwardAsync(context.Request, body.ToArray());
            var isSpoiled = !_isOpen;
            _isOpen = false;
            if (isSpoiled)
            {
                Interlocked.Increment(ref _spoiled);
                Refuse(context);
                return;
            }
            await PassOnAsync(answer, context);
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or HttpRequestException)
        {
            // The client or the test is gone.
        }
    }

    private async Task<HttpResponseMessage> ForwardAsync(HttpListenerRequest request, byte[] body)
    {
        using var message = new HttpRequestMessage(new(request.HttpMethod), new Uri(_server.Address, request.RawUrl));
        if (request.HasEntityBody || request.HttpMethod is "POST") message.Content = new ByteArrayContent(body);
        foreach (string header in request.Headers)
            if (header is "Accept" or "Range" or "X-Content-hash-sha256") message.Headers.TryAddWithoutValidation(header, request.Headers[header]);
        return await _client.SendAsync(message);
    }

    private async Task PassOnAsync(HttpResponseMessage answer, HttpListenerContext context)
    {
        var response = context.Response;
        response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers)
            if (!Marks.Contains(name) && (_hasWriteTimes || name != "X-BorgStore-Mtime") && name.StartsWith("X-", StringComparison.Ordinal))
                response.Headers[name] = values.First();
        if (answer.Content.Headers.ContentType is { } type) response.ContentType = type.ToString();
        var body = await answer.Content.ReadAsByteArrayAsync();
        response.ContentLength64 = answer.Content.Headers.ContentLength ?? body.Length;
        if (context.Request.HttpMethod != "HEAD") await response.OutputStream.WriteAsync(body);
        response.Close();
    }

    // Exactly the old server's response, except for the rest of the page.
    private static void Refuse(HttpListenerContext context)
    {
        context.Response.StatusCode = 412;
        context.Response.ContentType = "text/html;charset=utf-8";
        context.Response.KeepAlive = false;
        context.Response.Close(context.Request.HttpMethod == "HEAD" ? [] : "<p>Message: .</p>"u8.ToArray(), willBlock: false);
    }
}
