using System.Diagnostics;
using BorgStore.Server.Http;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Observability;

/// <summary>Measures and logs the requests around the application.</summary>
/// <param name="next">The application.</param>
/// <param name="pages">The pages about the server itself.</param>
/// <param name="metrics">The instruments.</param>
/// <param name="access">The access log, if there is one.</param>
/// <param name="audit">The audit log, if there is one.</param>
/// <param name="live">What the page for administrators shows, if there is one.</param>
internal sealed class RequestObserver(
    RequestDelegate next, StatusPages pages, ServerMetrics metrics, AccessLog? access, AuditLog? audit, LiveTraffic? live)
{
    /// <summary>Handles a request.</summary>
    public Task HandleAsync(HttpContext context)
        => StatusPages.Find(context) is { } page ? pages.AnswerAsync(context, page)
            : access is not null || audit is not null || live is not null || metrics.IsEnabled ? ObserveAsync(context)
            : next(context);

    private async Task ObserveAsync(HttpContext context)
    {
        var start = Stopwatch.GetTimestamp();
        var record = new RequestRecord(context);
        var body = MeasuredBody.Attach(context);
        metrics.Begin();
        var running = live?.Begin(context, record, body);
        try
        {
            await (audit is not null && record.Operation.IsChange ? AuditAsync(context, audit, record, body, start) : next(context));
        }
        finally
        {
            var duration = Stopwatch.GetElapsedTime(start);
            if (running is not null) live!.End(running);
            metrics.End(context, record, body, duration);
            access?.Add(record, body, duration);
        }
    }

    // The line is written before the first byte of the answer leaves, so that no acknowledged change is missing.
    private async Task AuditAsync(HttpContext context, AuditLog log, RequestRecord record, MeasuredBody body, long start)
    {
        if (!log.MayChange())
        {
            await RefuseAsync(context);
            return;
        }
        var isWritten = false;
        context.Response.OnStarting(WriteAsync);
        try
        {
            await next(context);
        }
        finally
        {
            // The connection may be gone, but the change may have happened.
            await WriteAsync();
        }

        Task WriteAsync()
        {
            if (isWritten || !IsKnownClient(context.Response.StatusCode)) return Task.CompletedTask;
            isWritten = true;
            return log.AddAsync(record.ToLine(body, Stopwatch.GetElapsedTime(start)));
        }
    }

    // Strangers must not be able to fill the log.
    private static bool IsKnownClient(int status) => status is not (StatusCodes.Status401Unauthorized or StatusCodes.Status406NotAcceptable or StatusCodes.Status429TooManyRequests);

    private static Task RefuseAsync(HttpContext context)
    {
        // The body of the request is not read, so the start of the next one is unknown.
        context.Response.Headers.Connection = "close";
        return ResponseBody.SendTextAsync(context, StatusCodes.Status503ServiceUnavailable, "The server cannot write its audit log, so it refuses changes. Its own log says why.");
    }
}
