using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace BorgStore.Tests.Server.Page;

/// <summary>Makes the requests of the page for administrators, as a browser would.</summary>
internal sealed class PageClient(Uri address) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = new(address, "/-/") };

    /// <summary>The cookie of the session.</summary>
    public string? Cookie { get; set; }

    /// <summary>Headers of all requests.</summary>
    public Dictionary<string, string> Headers { get; } = new() { ["X-BorgStore-Page"] = "1" };

    public async Task<HttpResponseMessage> SendAsync(string method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(new(method), path);
        if (Cookie is not null) request.Headers.Add("Cookie", Cookie);
        foreach (var (name, value) in Headers) request.Headers.TryAddWithoutValidation(name, value);
        if (body is not null) request.Content = new StringContent(JsonSerializer.Serialize(body), new System.Net.Http.Headers.MediaTypeHeaderValue("application/json"));
        var response = await _http.SendAsync(request, TestContext.Current.CancellationToken);
        if (response.Headers.TryGetValues("Set-Cookie", out var cookies)) Cookie = cookies.Single().Split(';')[0];
        return response;
    }

    public async Task<HttpStatusCode> GetStatusAsync(string method, string path, object? body = null)
    {
        using var response = await SendAsync(method, path, body);
        return response.StatusCode;
    }

    public async Task<JsonElement> GetAsync(string path)
    {
        using var response = await SendAsync("GET", path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
    }

    public Task<HttpStatusCode> LogInAsync(string user, string password) => GetStatusAsync("POST", "api/session", new { user, password });

    /// <summary>Repeats a request until its result is as expected.</summary>
    public async Task<JsonElement> WaitAsync(string path, Func<JsonElement, bool> isExpected)
    {
        while (true)
        {
            var result = await GetAsync(path);
            if (isExpected(result)) return result;
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    public void Dispose() => _http.Dispose();
}
